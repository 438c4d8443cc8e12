// The theme's buttons, without scripts in attributes, which the pages' policy forbids.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button?.dataset.action === "print") print();
  if (button?.dataset.action === "fullscreen") toggleFullScreen();
});

// A solution's button is called after the exercise, where the theme calls all the same.
addEventListener("load", () => {
  for (const button of document.querySelectorAll(".admonition-title > .toggle-button")) {
    button.setAttribute("aria-label", button.parentElement.textContent.trim());
  }
});

// A search on a disk shows titles alone, since it cannot fetch the pages.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

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

// Where the address leads within the page.
function linked() {
  try {
    return document.getElementById(decodeURIComponent(location.hash.slice(1)));
  } catch {
    return null; // the address is no valid text, and leads nowhere
  }
}

// Sections below the screen are skipped (course.css) until the page is there. Then each is laid out
// once, in an idle moment, and the browser remembers how high it is: places are true before anybody
// gets there, and a link into the page ends where it leads, unless its reader has moved on.
addEventListener("load", () => {
  const whenIdle = window.requestIdleCallback ?? setTimeout;
  let target = linked();
  const leave = () => { target = null; };
  for (const move of ["wheel", "touchstart", "pointerdown", "keydown", "resize"]) {
    addEventListener(move, leave, { once: true, passive: true });
  }
  let left, section, width;
  const next = () => {
    section?.setAttribute("data-layout", "known");
    section = left.shift();
    if (!section) return;
    section.setAttribute("data-layout", "now");
    target?.scrollIntoView({ behavior: "instant" });
    requestAnimationFrame(() => whenIdle(next));
  };
  const begin = () => {
    if (width === document.documentElement.clientWidth) return;
    width = document.documentElement.clientWidth;
    left = [...document.querySelectorAll("article > section > section")];
    if (!section) whenIdle(next);
  };
  begin();
  addEventListener("resize", begin);
});
