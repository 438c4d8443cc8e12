// What a reader sees, in the language of the page.
import all from "./words.json";

const language = (document.documentElement.lang || "en").split(/[-_]/)[0];
export const words = all[language] || all.en;

export const say = (key, values) =>
  words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
