// HTML that a cell shows, without anything that could act: fetched with the first such output.
import DOMPurify from "dompurify";

export function clean(html) {
  // The page's policy refuses styles, and would say so on the console: out with them first.
  const plain = html.replace(/<style\b[^]*?<\/style\s*>/gi, "");
  return DOMPurify.sanitize(plain, {
    RETURN_DOM_FRAGMENT: true,
    SANITIZE_NAMED_PROPS: true, // ids of its own, beside those of the page
    FORBID_TAGS: ["style", "form", "input", "button", "select", "textarea", "video", "audio"],
  });
}
