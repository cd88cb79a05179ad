// What comes into the editor's document, from a page that was copied or a message that is
// quoted, is rebuilt of what these tables name; the rest is left out, or only its text stays.
// The server does the same again with what is sent (htmlsafe), and has the last word.
const kept = new Set(('p div span h1 h2 h3 h4 h5 h6 table thead tbody tfoot tr td th caption col colgroup dl dt dd ul ol li blockquote ' +
  'pre code tt kbd samp b strong i em u s strike del ins sub sup small big center address abbr cite q mark br wbr hr a img font').split(' '));

const gone = new Set(('script style svg math template noscript noembed noframes xmp plaintext iframe object embed applet audio video canvas ' +
  'input button textarea select option datalist output progress meter title meta link base frame frameset marquee dialog slot portal map area').split(' '));

const attributes = new Set('alt dir lang align valign width height border cellpadding cellspacing colspan rowspan span start type nowrap bgcolor color face size'.split(' '));

const properties = /^(color|background-color|font(-family|-size|-style|-weight)?|text-(align|decoration|decoration-line|indent)|line-height|white-space|vertical-align|list-style-type|width|max-width|height|border(-(top|right|bottom|left))?(-(width|style|color))?|border-(collapse|spacing|radius)|(margin|padding)(-(top|right|bottom|left))?)$/;

const most = 100_000; // nodes

/** Returns the function that makes a fragment of HTML, for a window. */
export function cleaner(window, pictures) {
  const {document, DOMParser} = window;
  let left;

  function children(from, to) {
    for (const c of from.childNodes) node(c, to);
  }

  function node(n, to) {
    if (left-- <= 0) return;
    if (n.nodeType === 3) {
      to.append(document.createTextNode(n.data));
      return;
    }
    if (n.nodeType !== 1) return;
    const name = n.localName;
    if (n.namespaceURI !== 'http://www.w3.org/1999/xhtml' || gone.has(name)) return;
    if (!kept.has(name)) {
      children(n, to);
      return;
    }
    const e = document.createElement(name);
    for (const a of n.attributes) attribute(e, a);
    if (name === 'img' && !pictures.take(e, n.getAttribute('src') ?? '')) {
      if (e.alt) to.append(document.createTextNode(`[${e.alt}]`));
      return;
    }
    if (name === 'a' && !e.hasAttribute('href')) { // it leads nowhere
      children(n, to);
      return;
    }
    to.append(e);
    children(n, e);
  }

  function attribute(e, {name, value, namespaceURI}) {
    if (namespaceURI) return;
    if (name === 'style') {
      const declared = styles(value);
      if (declared) e.setAttribute('style', declared);
    } else if (name === 'href' && e.localName === 'a') {
      const url = address(value);
      if (url) e.setAttribute('href', url);
    } else if (attributes.has(name) && !(name === 'type' && e.localName === 'blockquote') && value.length < 2000) {
      e.setAttribute(name, value);
    }
  }

  return html => {
    left = most;
    const fragment = document.createDocumentFragment();
    children(new DOMParser().parseFromString(html, 'text/html').body, fragment);
    return fragment;
  };
}

/** The address of a link, if it leads to a page, a person or a telephone; "" for all others. */
export function address(text) {
  const clean = text.replace(/[\u0000-\u0020\u007f-\u009f]+/g, ' ').trim();
  return /^(https?:\/\/|mailto:|tel:)/i.test(clean) && clean.length < 8000 ? clean : '';
}

// Declarations of known properties whose values load nothing.
function styles(text) {
  const out = [];
  for (const d of text.slice(0, 20_000).split(';')) {
    const at = d.indexOf(':'), name = d.slice(0, at).trim().toLowerCase(), value = d.slice(at + 1).trim();
    if (at > 0 && properties.test(name) && value.length < 300 && /^[\w\s#.,%()+\-'"!]+$/.test(value) && !/url|image|src|expression|var\(|env\(|attr\(|-moz|behavior/i.test(value)) out.push(`${name}:${value}`);
  }
  return out.join(';');
}
