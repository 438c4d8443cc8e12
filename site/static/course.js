// The theme's buttons, without scripts in attributes, which the pages' policy forbids.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button?.dataset.action === "print") print();
  if (button?.dataset.action === "fullscreen") toggleFullScreen();
});

// A page's text as the search shows it: its article, each formula once.
document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  Search.htmlToText = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    const article = page.querySelector("article");
    article?.querySelectorAll(".headerlink, .katex-html, annotation, .reading-time, .live-top, .live-note, .quiz-key, details.cite-page, script")
      .forEach((part) => part.remove());
    return article?.textContent ?? "";
  };
});
