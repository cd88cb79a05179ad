// The page on which somebody writes: what was typed is saved as a draft when nothing was typed
// for three seconds and when the page is hidden. Files go with the form; one that was saved is
// not sent again. Without this everything works by the buttons.

const idle = 3000;

export function compose(form) {
  const state = form.querySelector("[data-saved]");
  let timer = 0;
  let dirty = false;
  let saving = null;
  let leaving = false;

  async function save(keepalive) {
    if (saving) await saving;
    if (!dirty || leaving) return;
    dirty = false;
    const body = new FormData(form);
    body.delete("op");
    if (keepalive) body.delete("files"); // a request of a page that is going has 64 kB
    body.set("op", "save");
    saving = (async () => {
      try {
        const r = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" }, keepalive });
        if (!r.ok) throw new Error(String(r.status));
        taken(await r.json(), body.has("files") && !keepalive);
      } catch {
        dirty = true;
        timer = setTimeout(() => save(false), 10 * idle);
      }
    })();
    await saving;
    saving = null;
  }

  function taken(answer, withFiles) {
    form.action = answer.action;
    history.replaceState(null, "", answer.action);
    state.textContent = answer.saved;
    if (withFiles && form.elements.files.files.length > 0) location.reload(); // the page lists what is attached
  }

  function changed() {
    dirty = true;
    clearTimeout(timer);
    timer = setTimeout(() => save(false), idle);
  }

  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", async (event) => {
    leaving = true;
    clearTimeout(timer);
    if (saving) { // two of them would make two drafts
      event.preventDefault();
      await saving;
      form.requestSubmit(event.submitter);
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") save(true);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector('button[value="send"]'));
    }
  });
  form.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    form.classList.remove("over");
    attach(event, event.dataTransfer.files);
  });
  form.addEventListener("paste", (event) => attach(event, event.clipboardData.files));

  function attach(event, files) {
    if (files.length === 0) return;
    event.preventDefault();
    const all = new DataTransfer();
    for (const f of [...form.elements.files.files, ...files]) all.items.add(f);
    form.elements.files.files = all.files;
    changed();
  }
}
