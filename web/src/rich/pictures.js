// Pictures in the text. In the message they are named by their Content-ID (cid:); here they
// are blob: URLs, of files that somebody has put in or of what the server has given us. The
// server is sent those that it does not have yet.
const kinds = /^image\/(png|jpeg|gif|webp)$/;
const most = 1 << 20; // of one in a data: URL, as htmlsafe

export class Pictures {
  constructor(source) {
    this.source = source;
    this.files = new Map(); // by Content-ID
    this.names = new Map(); // Content-IDs by blob: URL
    this.known = new Set(); // Content-IDs that the draft has
  }

  /** Takes a file and returns the URL by which the document shows it. */
  add(file, id = `${crypto.randomUUID()}@picture`) {
    const url = URL.createObjectURL(file);
    this.files.set(id, file);
    this.names.set(url, id);
    return url;
  }

  /** Gives a picture that is pasted or quoted its source; false if it may not stay. */
  take(img, src) {
    if (this.names.has(src)) {
      img.setAttribute('src', src);
      return true;
    }
    const [, id] = /^cid:([^\s"'<>]+)$/i.exec(src) ?? [];
    if (id) {
      this.fetch(img, decodeURIComponent(id));
      return true;
    }
    const file = embedded(src);
    if (!file) return false;
    img.setAttribute('src', this.add(file));
    return true;
  }

  // A picture of the draft, or of what is quoted.
  async fetch(img, id) {
    const waiting = URL.createObjectURL(new Blob([])); // until it is there
    this.names.set(waiting, id);
    this.known.add(id);
    img.setAttribute('src', waiting);
    try {
      const url = new URL(this.source, location);
      url.searchParams.set('cid', id);
      const answer = await fetch(url);
      const blob = await answer.blob();
      if (answer.ok && kinds.test(blob.type)) img.setAttribute('src', this.add(blob, id));
    } catch {
      // Its description stands for it.
    }
  }

  /** The HTML of the document as the message has it. */
  out(html) {
    for (const [url, id] of this.names) html = html.replaceAll(url, `cid:${encodeURIComponent(id).replace('%40', '@')}`);
    return html;
  }

  /** The pictures that the text shows and the draft does not have: [id, file]. */
  missing(html) {
    return [...this.files].filter(([id]) => !this.known.has(id) && html.includes(`cid:${encodeURIComponent(id).replace('%40', '@')}`));
  }

  forget() {
    for (const url of this.names.keys()) URL.revokeObjectURL(url);
  }
}

// The file of a data: URL.
function embedded(src) {
  const [, kind, data] = /^data:(image\/(?:png|jpeg|gif|webp));base64,([A-Za-z0-9+/=\s]+)$/i.exec(src) ?? [];
  if (!kind || data.length > most * 1.4) return null;
  try {
    const bytes = Uint8Array.from(atob(data.replace(/\s/g, '')), c => c.charCodeAt(0));
    return new File([bytes], `picture.${kind.slice(6).toLowerCase().replace('jpeg', 'jpg')}`, {type: kind.toLowerCase()});
  } catch {
    return null;
  }
}
