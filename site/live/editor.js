// The editor of a cell: CodeMirror, fetched with the first press of Edit.
import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import {
  bracketMatching,
  HighlightStyle,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";

// Colours are those of the page's code, light and dark: live.css sets them.
const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.bool, tags.null], color: "var(--live-keyword)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--live-string)" },
  { tag: tags.number, color: "var(--live-number)" },
  { tag: tags.comment, color: "var(--live-comment)" },
  {
    tag: [tags.function(tags.variableName), tags.definition(tags.variableName)],
    color: "var(--live-name)",
  },
]);

const look = EditorView.theme({
  "&": { color: "inherit", backgroundColor: "transparent" },
  "&.cm-focused": { outline: "2px solid var(--pst-color-accent)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--pst-font-family-monospace)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "currentColor", padding: "1rem 0" },
  ".cm-line": { padding: "0 1rem" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--live-bracket)" },
});

export function edit(frame, code, label, run, changed) {
  const act = () => {
    run();
    return true;
  };
  // CodeMirror writes style elements, which the page's policy forbids; in a shadow root it
  // adopts style sheets instead.
  const root = frame.attachShadow({ mode: "open" });
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: code,
      extensions: [
        Prec.highest(
          keymap.of([
            { key: "Shift-Enter", run: act },
            { key: "Mod-Enter", run: act },
          ]),
        ),
        history(),
        indentUnit.of("    "),
        indentOnInput(),
        bracketMatching(),
        python(),
        syntaxHighlighting(colours),
        look,
        // Tab is left alone: it leads out of the editor.
        keymap.of([
          ...defaultKeymap,
          ...historyKeymap,
          { key: "Mod-[", run: indentLess },
          { key: "Mod-]", run: indentMore },
        ]),
        EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
        EditorView.updateListener.of((update) => update.docChanged && changed()),
      ],
    }),
  });
  return { focus: () => view.focus(), code: () => view.state.doc.toString(), close: () => view.destroy() };
}
