// What a cell shows: the outputs of the book, or those of the last run in their place.
import { words, say } from "./words.js";

const PHONE_COLUMNS = 38; // letters beside each other on a phone; longer lines scroll
const CLASSES = {
  stdout: "stream",
  stderr: "stderr",
  result: "text_plain",
  error: "traceback",
};

export function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export class Output {
  constructor(root, htmlAddress) {
    this.htmlAddress = htmlAddress;
    this.box = root.querySelector(".cell_output");
    if (!this.box) {
      this.box = element("div", { className: "cell_output docutils container" });
      root.append(this.box);
    }
    this.originals = [...this.box.children];
    this.figure = this.originals.find((part) => part.querySelector("img"));
    this.image = this.figure && this.figure.querySelector("img");
    this.look = this.image && {
      src: this.image.src,
      alt: this.image.alt,
      // The properties would have the browser lay out the page, for each figure.
      width: this.image.getAttribute("width"),
      height: this.image.getAttribute("height"),
    };
  }

  // A run begins: what stands there stays until the first output comes.
  begin(changed) {
    this.stale = true;
    this.changed = changed;
  }

  end() {
    if (this.stale) this.clear();
  }

  clear() {
    this.stale = false;
    this.figureUsed = false;
    this.last = null;
    for (const part of [...this.box.children]) {
      if (this.originals.includes(part)) part.hidden = true;
      else part.remove();
    }
  }

  reset() {
    this.clear();
    for (const part of this.originals) part.hidden = false;
    if (this.image) Object.assign(this.image, this.look);
  }

  add(kind, text) {
    if (this.stale) this.clear();
    if (kind === "png") this.addFigure(text);
    else if (kind === "html") this.addHtml(text);
    else this.addText(kind, text);
  }

  // Texts before a figure of the book stand above it, as in a notebook.
  place(part) {
    if (this.figure && !this.figureUsed) this.figure.before(part);
    else this.box.append(part);
  }

  addText(kind, text) {
    if (!this.last || this.last.kind !== kind) {
      const pre = element("pre", { className: `live-${kind}` });
      const frame = element("div", { className: "highlight" }, pre);
      this.place(element("div", { className: `output ${CLASSES[kind]}` }, frame));
      this.last = { kind, pre };
    }
    const { pre } = this.last;
    pre.append(text);
    // The keyboard reaches what scrolls.
    const scrolls = () =>
      text.split("\n").some((line) => line.length > PHONE_COLUMNS) || pre.scrollHeight > pre.clientHeight;
    if (pre.tabIndex < 0 && scrolls()) pre.tabIndex = 0;
  }

  addFigure(data) {
    this.last = null;
    const alt = this.look && this.look.alt;
    let image = this.image;
    if (image && !this.figureUsed) {
      this.figure.hidden = false;
      this.figureUsed = true;
      image.loading = "eager";
      image.alt = this.changed ? say("changedFigure", { alt }) : alt;
    } else {
      image = element("img", { alt: words.figure });
      this.place(element("div", { className: "output image_png" }, image));
    }
    // Width and height stand at a fixed place in a PNG; a figure has twice the pixels it takes.
    const head = atob(data.slice(0, 32));
    const size = (at) => {
      let value = 0;
      for (let i = at; i < at + 4; i++) value = 256 * value + head.charCodeAt(i);
      return Math.round(value / 2);
    };
    image.width = size(16);
    image.height = size(20);
    image.src = `data:image/png;base64,${data}`;
  }

  addHtml(html) {
    this.last = null;
    const frame = element("div", { className: "output text_html live-html", tabIndex: 0 });
    this.place(frame);
    import(this.htmlAddress).then(
      ({ clean }) => frame.append(clean(html)),
      () => frame.append(element("pre", {}, html)),
    );
  }
}
