// Python in a worker: the page stays alive whatever a cell does, and can end it.
import figures from "./figures.py";
import runner from "./runner.py";

// What one run may print, in letters and in parts (tables, and texts between other outputs): more
// would choke the page.
const LETTERS = 200000;
const PARTS = 2000;
const PAUSE = 40; // milliseconds between two messages of printed text

const post = (type, more) => postMessage({ type, ...more });
let python, runCell, settings;
let known = 0; // files of which the page has been told

// --- fetching, with progress --------------------------------------------------------------------

let received = 0;
let told = 0;

function count(bytes) {
  received += bytes;
  if (performance.now() - told > 100) tellReceived();
}

function tellReceived() {
  told = performance.now();
  post("received", { bytes: received });
}

// Each file of Pyodide's passes here. Pyodide itself says nothing of one that is missing, and
// waits; of a program that cannot be compiled it only warns.
const plainFetch = fetch;
self.fetch = async (resource, options) => {
  const address = String(resource.url || resource);
  if (!settings || !address.startsWith(settings.base)) return plainFetch(resource, options);
  const file = decodeURIComponent(address.split("/").pop());
  let answer;
  try {
    answer = await plainFetch(resource, options);
  } catch (error) {
    post("lost", { file });
    throw error;
  }
  if (!answer.ok) post("lost", { file, status: answer.status });
  else {
    watch(answer.clone(), file);
    keep(address, answer.clone());
  }
  return answer;
};

// For later visits (offline.js), while it comes, so that nothing large is fetched twice.
async function keep(address, answer) {
  try {
    await (await caches.open("pages")).put(address, answer);
  } catch {
    // The browser keeps nothing, in a private window say.
  }
}

async function watch(answer, file) {
  try {
    for (const reader = answer.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) return tellReceived();
      count(value.length);
    }
  } catch {
    post("lost", { file });
  }
}

const plainWarn = console.warn;
console.warn = (...said) => {
  if (!python && said[0] instanceof Error) post("broken", { reason: said[0].message });
  plainWarn(...said);
};

// --- what a cell shows --------------------------------------------------------------------------

let kind, cell, sent, letters, parts;
let text = "";

function flush() {
  if (text) post("output", { kind, text, cell });
  text = "";
  sent = performance.now();
}

function send(newKind, newText, newCell) {
  if (!newText) return;
  let alone = newKind === "png" || newKind === "html";
  // Errors and figures come last, and are not left out.
  if (newKind !== "error" && newKind !== "png") {
    if (letters > LETTERS || parts > PARTS) return;
    const room = LETTERS - letters;
    if (alone || newKind !== kind || newCell !== cell) parts++;
    if (!alone) letters += newText.length;
    if (letters > LETTERS || parts > PARTS) {
      newText = (alone ? "" : newText.slice(0, room)) + settings.words.cut;
      if (alone) newKind = "stdout";
      alone = false;
    }
  }
  if (newKind !== kind || newCell !== cell) flush();
  [kind, cell] = [newKind, newCell];
  if (alone) {
    post("output", { kind, text: newText, cell });
    kind = null; // text after it begins a part of its own
    return;
  }
  if (!text) setTimeout(flush, PAUSE); // for what a task prints when no cell runs
  text += newText;
  if (performance.now() - sent > PAUSE) flush();
}

// --- what the page asks for ---------------------------------------------------------------------

async function start({ packages, ...given }) {
  settings = given;
  importScripts(settings.pyodide + "pyodide.js");
  python = await loadPyodide({
    indexURL: settings.pyodide,
    lockFileURL: settings.lock,
    packages,
  });
  python.registerJsModule("course_page", { send, noInput: settings.words.noInput });
  const place = python.runPython("import site; site.getsitepackages()[0]");
  python.FS.writeFile(`${place}/course_figures.py`, figures);
  python.FS.writeFile(`${place}/course_runner.py`, runner);
  runCell = python.pyimport("course_runner").run;
  post("ready");
}

async function run({ code, name, packages }) {
  flush();
  sent = letters = parts = 0;
  const told = {
    messageCallback(text) {
      if (text.startsWith("Loading ")) post("loading", { packages: text.slice(8) });
    },
    errorCallback() {},
  };
  const more = packages.filter((name) => !(name in python.loadedPackages));
  if (more.length) await python.loadPackage(more, told);
  await python.loadPackagesFromImports(code, told);
  post("began");
  const began = performance.now();
  const good = await runCell(code, name);
  flush();
  post("ran", { good, seconds: (performance.now() - began) / 1000 });
  const entries = performance.getEntriesByType("resource").map((entry) => entry.name);
  if (entries.length > known) post("loaded", { files: entries.slice(known) });
  known = entries.length;
}

// Python does not survive os._exit() or a stack that is too deep, and then never answers.
self.addEventListener("unhandledrejection", (event) => {
  if (!python) return; // what fails before it has started is told by others
  try {
    python.runPython("");
  } catch {
    event.preventDefault();
    post("crashed", { reason: String(event.reason.message || event.reason) });
  }
});

self.onmessage = async ({ data }) => {
  try {
    await (data.type === "start" ? start(data) : run(data));
  } catch (error) {
    post("broken", { reason: String(error.message || error) });
  }
};
