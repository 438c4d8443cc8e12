// HTML that a cell shows, without anything that could act: fetched with the first such output.
import DOMPurify from "dompurify";

export function clean(html) {
  return DOMPurify.sanitize(html, {
    RETURN_DOM_FRAGMENT: true,
    SANITIZE_NAMED_PROPS: true, // ids of its own, beside those of the page
    FORBID_TAGS: ["style", "form", "input", "button", "select", "textarea", "video", "audio"],
  });
}
