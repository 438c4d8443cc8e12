"""How exact and how fast the library is, beside its peers. `make bench` writes the appendix."""
