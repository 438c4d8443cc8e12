"""Entropy, cross-entropy and KL divergence as a textbook defines them.

This is the course's own library. The package of the same name on the public package index is
unrelated; install this one from the course's repository.

Quantities of discrete distributions, losses and prefix codes are imported from here; `continuous`,
`estimators`, `range_coding`, `rans`, `datasets` and `plots` as modules:
`from infolib import plots`.
"""

from infolib.joint import conditional_entropy, joint_entropy, mutual_information
from infolib.losses import cross_entropy_loss, log_softmax, one_hot, smooth_labels, softmax
from infolib.measures import (
    binary_entropy,
    cross_entropy,
    entropy,
    information_content,
    js_divergence,
    kl_divergence,
    perplexity,
)
from infolib.prefix_codes import (
    PrefixCode,
    block_distribution,
    huffman_code,
    kraft_sum,
    shannon_code,
)

__all__ = [
    "PrefixCode",
    "binary_entropy",
    "block_distribution",
    "conditional_entropy",
    "cross_entropy",
    "cross_entropy_loss",
    "entropy",
    "huffman_code",
    "information_content",
    "joint_entropy",
    "js_divergence",
    "kl_divergence",
    "kraft_sum",
    "log_softmax",
    "mutual_information",
    "one_hot",
    "perplexity",
    "shannon_code",
    "smooth_labels",
    "softmax",
]
__version__ = "1.0.0"
