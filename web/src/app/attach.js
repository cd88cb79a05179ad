// Files of a message: chosen, dropped anywhere on the page, or pasted. They go to the server
// at once, with the draft; a bar shows how far they are, and they can be stopped.
import {$, $$, make, toast, style} from './dom.js';

const mostAtOnce = 100; // as uploads.go

let count = 0;

/** Begins with the files of a Writing; what is returned is for that alone. */
export function beginFiles(writing) {
  const {form, words} = writing;
  const box = $('.attached', form), list = $('ul', box), input = form.elements.files, most = +form.dataset.most;
  const running = new Set();
  let depth = 0;

  writing.octets = $$('li', list).reduce((n, li) => n + +li.dataset.octets, 0);
  const coming = () => [...running].reduce((n, r) => n + r.octets, 0);

  input.addEventListener('change', e => {
    e.stopPropagation(); // nothing to save: it goes from here
    add([...input.files]);
    input.value = '';
  });
  list.addEventListener('change', e => {
    if (e.target.name !== 'drop') return;
    e.stopPropagation();
    e.target.closest('li').classList.add('going');
    writing.save({drop: true});
  });

  const hasFiles = e => e.dataTransfer?.types.includes('Files');

  /** Files that are dropped on a document, or pasted there, go to take. */
  function watch(doc, take) {
    doc.addEventListener('dragenter', e => { if (hasFiles(e) && depth++ === 0) form.classList.add('over'); });
    doc.addEventListener('dragleave', e => { if (hasFiles(e) && --depth <= 0) over(); });
    doc.addEventListener('dragover', e => { if (hasFiles(e)) e.preventDefault(); });
    doc.addEventListener('drop', e => {
      if (!hasFiles(e)) return;
      e.preventDefault();
      over();
      take([...e.dataTransfer.files]);
    });
    doc.addEventListener('paste', e => {
      const {files, types} = e.clipboardData;
      if (!files.length || types.includes('text/plain') || types.includes('text/html')) return;
      e.preventDefault();
      e.stopPropagation();
      take([...files]);
    }, {capture: true});
  }

  watch(document, add);
  form.dataset.drop = words.drop;

  function over() {
    depth = 0;
    form.classList.remove('over');
  }

  /** Attaches files that fit; of the others it says so. */
  async function add(files) {
    const fit = [];
    let left = most - writing.octets - coming();
    for (const f of files) {
      if (f.size > left) {
        toast(words.large.replace('{name}', f.name));
      } else if (fit.length === mostAtOnce) {
        toast(words.many);
      } else {
        left -= f.size;
        fit.push(f);
      }
    }
    if (fit.length) await upload(fit);
  }

  async function upload(files) {
    const stop = new AbortController(), bar = make('progress', {max: '100', value: '0'});
    const names = files.map(f => f.name).join(', ');
    bar.setAttribute('aria-label', names);
    const cancel = make('button', {type: 'button', class: 'quiet', 'aria-label': `${words.stop}: ${names}`});
    cancel.append($('.cross .icon', $('#wm-writing').content).cloneNode(true));
    const li = make('li', {class: 'coming'}, make('bdi', {class: 'name'}, names), bar, cancel);
    cancel.addEventListener('click', () => stop.abort());
    list.append(li);
    box.hidden = false;
    const run = {octets: files.reduce((n, f) => n + f.size, 0)};
    running.add(run);
    run.done = (async () => {
      try {
        if (!await writing.save({files, signal: stop.signal, progress: (n, all) => { bar.value = n / all * 100; }})) toast(writing.state.textContent);
      } catch (e) {
        if (e.name !== 'AbortError') throw e;
        writing.state.textContent = '';
      } finally {
        running.delete(run);
        li.remove();
        box.hidden = !list.children.length;
      }
    })();
    await run.done;
  }

  return {
    add,
    watch,
    /** Waits until no file is on its way. */
    done: () => Promise.all([...running].map(r => r.done)),
    /** Shows the files that the draft has. */
    show(files) {
      const pattern = $('#wm-writing').content.lastElementChild.firstElementChild;
      const rows = files.map(f => {
        const li = pattern.cloneNode(true);
        li.dataset.key = f.key;
        li.dataset.octets = f.octets;
        $('.name', li).textContent = f.name;
        $('.size', li).textContent = f.size;
        $('input', li).value = f.key;
        return li;
      });
      list.replaceChildren(...rows, ...$$('.coming', list));
      box.hidden = !list.children.length;
    },
  };
}
