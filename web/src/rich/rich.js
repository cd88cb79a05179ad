// Formatted text: Squire in a frame of its own that has no scripts. The page's script works
// in the frame's document from outside; what is pasted or quoted there can run nothing, and
// load nothing: the sandbox and the policy of that document (/compose/frame) see to it.
//
//   clean.js    what may come into the document: pasted and quoted HTML is rebuilt
//   pictures.js pictures in the text: blob: here, cid: in the message
//   toolbar.js  buttons
//
// This is loaded when somebody writes formatted text. It gets what it needs of the page (kit)
// and imports nothing of it, so that the page's scripts stay one file.
import squire from '../../vendor/squire/squire-raw.mjs';
import {cleaner} from './clean.js';
import {Pictures} from './pictures.js';
import {beginToolbar} from './toolbar.js';

/** Raised where a browser cannot do it: events of frames without scripts reach nobody. */
export class Unable extends Error {}

/**
 * Makes an editor in place of a text field.
 * kit: {$, $$, make, style}; field: the element that it stands behind; bar: a toolbar or none;
 * html: to begin with; source: where pictures are fetched; onchange, onkey, onfiles.
 */
export async function edit({kit, field, bar, html, source, label, onchange, onkey, onfiles}) {
  const frame = kit.make('iframe', {class: 'editor', sandbox: 'allow-same-origin', src: '/compose/frame', title: label});
  const loaded = new Promise(done => frame.addEventListener('load', done, {once: true}));
  field.after(frame);
  await loaded;
  const doc = frame.contentDocument;
  if (!doc?.body || !hears(doc)) {
    frame.remove();
    throw new Unable();
  }
  const pictures = new Pictures(source);
  const clean = cleaner(frame.contentWindow, pictures);
  const Squire = squire(frame.contentWindow);
  const editor = new Squire(doc.body, {
    blockTag: 'DIV', addLinks: true, undo: {documentSizeThreshold: 1e6, undoLimit: 200},
    sanitizeToDOMFragment: clean, didError: e => console.error(e),
  });
  doc.body.setAttribute('role', 'textbox');
  doc.body.setAttribute('aria-multiline', 'true');
  doc.body.setAttribute('aria-label', label);
  editor.setHTML(html);
  editor.addEventListener('input', onchange);
  editor.addEventListener('pasteImage', e => onfiles([...e.detail.clipboardData.files], editor));
  doc.addEventListener('keydown', e => onkey?.(e));
  const bars = bar && beginToolbar({kit, bar, editor, doc, frame});
  const fit = fitting(kit, frame, doc);
  return {
    frame, doc, editor, pictures,
    html: () => pictures.out(editor.getHTML()),
    focus: () => { frame.focus(); editor.focus(); },
    /** Puts the cursor where typing begins: at the top, or behind a quotation. */
    begin(below) {
      frame.focus();
      editor.focus();
      if (!below) {
        editor.moveCursorToStart();
        return;
      }
      const quotes = [...doc.body.children].filter(e => e.nodeName === 'BLOCKQUOTE');
      const line = quotes.at(-1)?.nextElementSibling;
      if (!line) {
        editor.moveCursorToEnd();
        return;
      }
      const range = doc.createRange();
      range.setStart(line, 0);
      editor.setSelection(range);
      line.scrollIntoView({block: 'nearest'});
    },
    insertPicture: file => {
      const img = editor.insertImage(pictures.add(file), {alt: file.name});
      img.style.maxWidth = '100%';
      onchange();
    },
    formatted: () => isFormatted(doc.body),
    destroy() {
      fit.disconnect();
      bars?.();
      editor.destroy();
      pictures.forget();
      frame.remove();
    },
  };
}

// Whether what happens in the document reaches us.
function hears(doc) {
  let heard = false;
  doc.addEventListener('wm-test', () => { heard = true; }, {once: true});
  doc.dispatchEvent(new Event('wm-test'));
  return heard;
}

// What plain text could not say.
function isFormatted(body) {
  const lost = 'b,strong,i,em,u,s,strike,del,sub,sup,font,img,table,h1,h2,h3,h4,h5,h6,pre,code,hr,[style*=color],[style*="font"],[align]';
  return [...body.querySelectorAll(lost)].some(e => !e.closest('blockquote')) ||
    [...body.querySelectorAll('a[href]')].some(a => !a.closest('blockquote') && !a.href.includes(a.textContent.trim().replace(/\/$/, '')));
}

// The frame is as tall as its text; the page scrolls.
function fitting(kit, frame, doc) {
  const watch = new ResizeObserver(() => {
    const tall = Math.min(30_000, Math.ceil(doc.body.scrollHeight));
    kit.style('iframe.editor', `min-block-size:max(240px,${tall}px)`);
  });
  watch.observe(doc.body);
  return watch;
}
