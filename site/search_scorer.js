// How Sphinx's search ranks: a chapter whose title holds all words of the query comes first, the
// one that is called exactly so before the others; the rest as Sphinx has it.
const wordsOf = (text) => text.toLowerCase().split(/[\s\-–]+/).filter(Boolean);

var Scorer = {
  score: (result) => {
    const [docname, title, , , score] = result;
    if (!/\/\d\d_/.test(docname)) return score;
    // Sphinx also lists a chapter's heading as a section of the chapter: that is the chapter.
    const [numbered, heading] = title.split(" > ");
    const name = numbered.replace(/<[^>]+>/g, "").replace(/^[\d.\s]+/, "");
    if (heading && heading !== name) return score;
    [result[1], result[2]] = [numbered, ""];
    const [words, asked] = [wordsOf(name), wordsOf(new URLSearchParams(location.search).get("q") ?? "")];
    if (!asked.every((word) => words.some((part) => part.startsWith(word)))) return score;
    return score + 1000 - 100 * (words.length - asked.length);
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
