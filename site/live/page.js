// Run, edit, stop and reset the code cells of a page. Nothing else is fetched before a click;
// Python runs in a worker (worker.js), and the cells run in the page's order in one session.
import { element, Output } from "./output.js";
import { say, words } from "./words.js";

const SILENCE = 10; // seconds without a byte until the page says so
const GIVE_UP = 180; // and until it gives up
/* global FILES */ // names and sizes of the files that a click fetches: booktools/live.py

const here = document.currentScript.src;
const address = (name) => new URL(name, here).href;

const cells = [];
const session = {
  worker: null,
  ready: false, // Python waits for a cell, or runs one
  current: null, // the cell that runs
  queue: [],
  bar: null, // where the reader pressed, and looks for progress
};

// --- Python -------------------------------------------------------------------------------------

function startPython(packages) {
  // A worker from a file would have no policy; made here, it keeps the page's own, which lets
  // it reach nothing but this site.
  const source = new Blob([`importScripts(${JSON.stringify(address(FILES.worker))})`]);
  const worker = new Worker(URL.createObjectURL(source));
  session.worker = worker;
  session.ready = false;
  const wanted = closure(packages);
  session.expected = FILES.program + wanted.reduce((sum, name) => sum + FILES.packages[name][0], 0);
  session.received = 0;
  session.heard = performance.now();
  session.computing = false;
  session.clock = setInterval(watch, 1000);
  worker.onmessage = ({ data }) => {
    if (worker !== session.worker) return;
    session.heard = performance.now();
    handlers[data.type](data);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    if (worker !== session.worker) return;
    if (session.ready) abandon(say("died", { reason: event.message }));
    else handlers.lost({ file: FILES.worker });
  };
  worker.postMessage({
    type: "start",
    base: address("./"),
    pyodide: address(FILES.pyodide),
    lock: address(FILES.lock),
    packages: wanted,
    words: { cut: words.cut, noInput: words.noInput },
  });
}

// From the first run on a service worker keeps what was loaded (offline.js): the next visit is
// fast, and needs no network. It takes the files from the browser's own cache, so that the run
// need not wait for it.
async function keepForLater(loadedByPython) {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return;
  try {
    await serviceWorker.register(address("../offline.js"));
    const { active } = await serviceWorker.ready;
    const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
    const figures = [...document.querySelectorAll("article img")].map((image) => image.src);
    const later = [FILES.editor, FILES.html].map(address);
    const page = location.href.split("#")[0];
    const wanted = new Set([page, ...loaded, ...loadedByPython, ...figures, ...later]);
    active.postMessage([...wanted].filter((url) => url.startsWith("http")));
  } catch {
    // The browser keeps nothing (in a private window, say): code runs all the same.
  }
}

// The packages and all that they need.
function closure(packages) {
  const found = new Set();
  const add = (name) => {
    if (found.has(name) || !(name in FILES.packages)) return;
    found.add(name);
    FILES.packages[name].slice(1).forEach(add);
  };
  packages.forEach(add);
  return [...found];
}

// What the book's cell needs is known; of changed code, what it seems to name is fetched. Parts
// of infolib need more than infolib itself.
function packagesOf(cell) {
  const code = cell.code();
  if (code === cell.original) return cell.packages;
  const parts = Object.keys(FILES.parts).filter((part) => code.includes(part));
  const named = Object.keys(FILES.packages).filter((name) => code.includes(name));
  return named.concat(...parts.map((part) => FILES.parts[part]));
}

const nameOf = (cell) => `cell ${cell.n}`;

function endPython() {
  if (session.worker) session.worker.terminate();
  clearInterval(session.clock);
  session.worker = session.current = null;
  session.ready = false;
  for (const cell of cells) cell.ran = null;
}

// While something is fetched or started: says when nothing happens, and ends it in the end.
function watch() {
  const seconds = Math.round((performance.now() - session.heard) / 1000);
  const waits = (session.current || session.queue.length) && !session.computing;
  if (!waits || seconds < SILENCE) return;
  if (seconds >= GIVE_UP) abandon(say("broken", { reason: say("silentTooLong", { seconds }) }));
  else if (session.ready || session.received < session.expected) tell("silent", { seconds });
  else tell("startingLong", { seconds });
}

const percent = () => Math.min(99, Math.floor((100 * session.received) / session.expected));

const handlers = {
  received({ bytes }) {
    session.received = bytes;
    if (!session.ready) {
      if (bytes < session.expected) tell("fetching", { percent: percent() });
      else tell("starting");
    }
  },
  lost({ file, status }) {
    abandon(say("lost", { file, reason: status || words.noAnswer }));
  },
  broken({ reason }) {
    if (self.caches) caches.delete("pages"); // what was kept may be at fault (offline.js)
    abandon(say("broken", { reason }));
  },
  crashed({ reason }) {
    abandon(say("died", { reason }));
  },
  ready() {
    session.ready = true;
    next();
  },
  loaded({ files }) {
    keepForLater(files);
  },
  loading({ packages }) {
    tell("loading", { packages });
  },
  began() {
    session.computing = true;
    tellRunning();
  },
  output({ kind, text, cell }) {
    const owner = cells.find((one) => nameOf(one) === cell) ?? session.current;
    owner?.output.add(kind, text);
  },
  ran({ good, seconds }) {
    const cell = session.current;
    session.current = null;
    session.computing = false;
    cell.output.end();
    cell.ran = good || cell.mayFail ? cell.running : null;
    const text = good ? say("done", { seconds: seconds.toFixed(seconds < 10 ? 1 : 0) }) : "";
    finish(cell, text || (cell.mayFail ? words.intended : words.error), good || cell.mayFail);
    if (!good && !cell.mayFail) {
      for (const left of session.queue.splice(0)) finish(left, say("notRun", { n: cell.n }), false);
      settle(say("notRun", { n: cell.n }), cell);
    } else next();
  },
};

// --- the order of runs --------------------------------------------------------------------------

// These cells, and before them those above that have not run, or not as they stand now.
function run(wanted, bar) {
  const last = Math.max(...wanted.map((cell) => cell.n));
  const due = cells.filter(
    (cell) =>
      cell.n <= last &&
      (wanted.includes(cell) || cell.ran !== cell.code()) &&
      !(cell === session.current && cell.code() === cell.running) &&
      !session.queue.includes(cell),
  );
  if (!session.current && !session.queue.length) {
    session.total = 0;
    session.began = performance.now();
    session.step = announced = announcer.textContent = ""; // what is said again is said anew
  }
  session.total += due.length;
  session.bar = bar;
  session.queue.push(...due);
  session.queue.sort((a, b) => a.n - b.n);
  for (const cell of due) {
    cell.bar.dataset.state = "waiting";
    cell.say(words.waiting);
  }
  showStop();
  if (!session.worker) {
    startPython(["numpy", "infolib", ...due.flatMap(packagesOf)]);
    tell("fetching", { percent: 0 });
  } else if (session.ready && !session.current) next();
}

function next() {
  const cell = session.queue.shift();
  if (!cell) {
    const seconds = (performance.now() - session.began) / 1000;
    settle(session.total > 1 ? say("doneAll", { count: session.total, seconds: seconds.toFixed(1) }) : "");
    return;
  }
  session.current = cell;
  session.heard = performance.now();
  cell.running = cell.code();
  cell.bar.dataset.state = "running";
  cell.output.begin(cells.some((other) => other.n <= cell.n && other.code() !== other.original));
  session.worker.postMessage({
    type: "run",
    code: cell.running,
    name: nameOf(cell),
    packages: closure(packagesOf(cell)),
  });
}

function tellRunning() {
  const progress = { i: session.total - session.queue.length, count: session.total };
  session.current.say(say("running", progress));
  tell("running", progress);
}

function finish(cell, text, good) {
  cell.bar.dataset.state = good ? "done" : "failed";
  cell.say(text);
  cell.reset.hidden = false;
}

// All is done, or nothing can go on: the bar that was pressed says how it ended.
function settle(text, failed) {
  const { bar } = session;
  session.bar = null;
  showStop();
  if (bar && text && !(failed && failed.bar === bar)) bar.status.textContent = text;
  announce(failed ? failed.bar.status.textContent : (bar && bar.status.textContent) || text);
}

function abandon(text) {
  const left = [session.current, ...session.queue.splice(0)].filter(Boolean);
  endPython();
  for (const cell of left) {
    cell.output.end();
    finish(cell, text, false);
  }
  settle(text);
}

function stop() {
  const { bar } = session;
  abandon(words.stopped);
  if (bar) bar.querySelector("button").focus();
}

// --- what the reader sees -----------------------------------------------------------------------

let announcer;
let announced;

function announce(text) {
  if (text !== announced) announcer.textContent = announced = text;
}

// Progress, at the bar that was pressed; a screen reader hears of each step once.
function tell(key, values = {}) {
  const text = say(key, values);
  if (session.bar) session.bar.status.textContent = text;
  if (session.step !== key) announce(text);
  session.step = key;
}

function showStop() {
  const busy = session.current || session.queue.length;
  for (const { bar } of cells) bar.stop.hidden = !busy || !/waiting|running/.test(bar.dataset.state);
  top.stop.hidden = !busy;
}

function button(text, action, label) {
  const made = element("button", { type: "button", textContent: text, onclick: action });
  if (label) made.setAttribute("aria-label", label);
  return made;
}

function furnish(bar, parts) {
  bar.status = element("span", { className: "live-status" });
  bar.append(...parts, bar.status);
}

// Edits outlast the page, which a phone may drop at any time. They stay in the browser's own store
// until they are reset, filed under the book's code: should that change, they are not shown.
const EDITS = `edits of ${location.pathname}`;

function kept() {
  try {
    return JSON.parse(localStorage.getItem(EDITS)) || {};
  } catch {
    return {}; // no store here, or nothing readable in it
  }
}

function keep(cell) {
  const edits = { ...kept(), [cell.original]: cell.code() };
  if (cell.code() === cell.original) delete edits[cell.original];
  try {
    localStorage.setItem(EDITS, JSON.stringify(edits));
  } catch {
    // Full, or not allowed: from now on edits last as long as the page.
  }
}

// The mark of an edited cell stays, and is printed, whatever the status says.
function mark(cell) {
  const edited = cell.code() !== cell.original;
  cell.name.textContent = say(edited ? "cellEdited" : "cell", { n: cell.n });
  cell.bar.classList.toggle("live-edited", edited);
}

async function edit(cell) {
  if (cell.editor) return cell.editor.focus();
  let module;
  try {
    module = await import(address(FILES.editor));
  } catch {
    return cell.say(words.editorMissing);
  }
  if (cell.editor) return;
  const frame = element("div", { className: "live-editor" });
  cell.source.hidden = true;
  cell.source.before(frame);
  cell.editor = module.edit(
    frame,
    cell.code(),
    say("editor", { n: cell.n }),
    () => run([cell], cell.bar),
    () => {
      cell.reset.hidden = false;
      keep(cell);
      mark(cell);
    },
  );
  cell.editor.frame = frame;
  cell.editor.focus();
}

function reset(cell) {
  if (cell === session.current || session.queue.includes(cell)) abandon(words.stopped);
  const edited = cell.code() !== cell.original;
  if (cell.editor) {
    cell.editor.close();
    cell.editor.frame.remove();
    cell.editor = null;
    cell.source.hidden = false;
  }
  cell.text.replaceChildren(...cell.highlighted);
  cell.edited = cell.original;
  if (edited) keep(cell); // and leave alone what another window of this page has kept
  mark(cell);
  cell.output.reset();
  cell.bar.dataset.state = "";
  cell.say(words.restored);
  announce(words.restored);
  cell.reset.hidden = true;
  cell.bar.querySelector("button").focus();
}

function setUpCell(root, n) {
  const source = root.querySelector(".cell_input .highlight");
  const text = source.querySelector("pre");
  const original = text.textContent.replace(/\n$/, "");
  const bar = root.querySelector(".live-bar");
  const cell = {
    n,
    bar,
    source,
    text,
    highlighted: [...text.childNodes],
    original,
    output: new Output(root, address(FILES.html)),
    packages: (root.dataset.packages || "").split(" ").filter(Boolean),
    mayFail: /tag_(nbval-)?raises-exception/.test(root.className),
    ran: null, // the code that last ran in this session
    edited: original, // the code while no editor is open
    editor: null,
    code: () => (cell.editor ? cell.editor.code() : cell.edited),
    say: (text) => (bar.status.textContent = text),
  };
  const act = (word, action) => button(words[word], action, say("actionOnCell", { action: words[word], n }));
  cell.name = element("span", { className: "live-name" }, say("cell", { n }));
  bar.stop = act("stop", stop);
  cell.reset = act("reset", () => reset(cell));
  bar.stop.hidden = cell.reset.hidden = true;
  furnish(bar, [
    act("run", () => run([cell], bar)),
    act("edit", () => edit(cell)),
    cell.reset,
    bar.stop,
    cell.name,
  ]);
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", say("tools", { n }));
  root.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.shiftKey && !event.defaultPrevented) {
      event.preventDefault();
      run([cell], bar);
    }
  });
  return cell;
}

// Shows the edits of an earlier visit; the editor is still fetched with the first press of Edit.
function restore() {
  const edits = kept();
  for (const cell of cells) {
    const edited = edits[cell.original];
    if (typeof edited !== "string" || edited === cell.original) continue;
    cell.edited = edited;
    cell.text.textContent = edited;
    cell.text.tabIndex = 0; // the keyboard reaches what may scroll
    cell.reset.hidden = false;
    cell.say(words.kept);
    mark(cell);
    for (let part = cell.bar; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
  }
  const own = cells.filter((cell) => cell.edited !== cell.original).map((cell) => cell.n);
  if (own.length) top.status.textContent = say("keptHere", { cells: own.join(words.comma) });
}

let top;

function setUp() {
  top = document.querySelector(".live-top");
  const reason =
    location.protocol === "file:"
      ? words.fromDisk
      : typeof WebAssembly !== "object" || typeof Worker !== "function"
        ? words.tooOld
        : "";
  if (reason) {
    document.querySelectorAll(".live-bar").forEach((bar) => bar.remove());
    const note = document.querySelector(".live-note");
    note.prepend(reason + " ");
    note.hidden = false;
    top.remove();
    return;
  }
  const isChapter = /\/\d\d_[^/]*$/.test(location.pathname);
  announcer = element("div", { className: "live-announcer" });
  announcer.setAttribute("role", "status");
  const link = top.querySelector("a"); // to the notebook in JupyterLite
  top.stop = button(words.stop, stop);
  top.stop.hidden = true;
  furnish(top, [button(isChapter ? words.runChapter : words.runPage, () => run(cells, top)), top.stop, ...(link ? [link] : [])]);
  top.status.textContent = say("intro", { size: top.dataset.size });
  top.after(announcer);
  document.querySelectorAll(".cell[data-live]").forEach((root, i) => cells.push(setUpCell(root, i + 1)));
  restore();
}

setUp();
