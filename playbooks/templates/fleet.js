// Filters, sorting and long lists of fleet.html. The page is complete without it. Nothing here makes a request.
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("fleet-data").textContent);
  const symbols = { yes: "✓", no: "✗", unknown: "?" };
  const lowerNames = data.hosts.map((name) => name.toLowerCase());
  const number = new Intl.NumberFormat("en");
  let chosen = null; // for each host whether the filter keeps it; null for all

  // "0-3,7" as [[0, 3], [7, 7]]
  const parsed = new Map();
  function runs(text) {
    let found = parsed.get(text);
    if (!found) {
      found = text ? text.split(",").map((run) => run.split("-").map(Number)).map(([a, b]) => [a, b ?? a]) : [];
      parsed.set(text, found);
    }
    return found;
  }

  function* members(text) {
    for (const [first, last] of runs(text)) {
      for (let host = first; host <= last; host += 1) yield host;
    }
  }

  function concerned(text) {
    if (!chosen) return true;
    for (const host of members(text)) if (chosen[host]) return true;
    return false;
  }

  function countChosen(text) {
    let count = 0;
    for (const host of members(text)) if (!chosen || chosen[host]) count += 1;
    return count;
  }

  function element(tag, options = {}, ...children) {
    const made = Object.assign(document.createElement(tag), options);
    made.append(...children);
    return made;
  }

  const plural = (count, word) => `${number.format(count)} ${word}${count === 1 ? "" : "s"}`;

  // ---- Long lists of hosts are filled when they are opened, with the hosts that the filter keeps.
  function fillList(details) {
    if (!details.open) return;
    const all = [...members(details.dataset.list)];
    const left = chosen ? all.filter((host) => chosen[host]) : all;
    const hidden = all.length - left.length;
    details.querySelector("p").textContent =
      left.map((host) => data.hosts[host]).join(", ") + (hidden ? ` (${plural(hidden, "host")} left out by the filter)` : "");
  }
  document.addEventListener("toggle", (event) => {
    if (event.target.matches("details.hosts")) fillList(event.target);
  }, true);

  // ---- Tables are sorted with the buttons in their heads.
  function sortKey(cell) {
    const text = cell.dataset.sort ?? cell.textContent.trim();
    return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text.toLowerCase();
  }

  const collator = new Intl.Collator("en", { numeric: true });
  function compare(one, other) {
    if (typeof one === "number" && typeof other === "number") return one - other;
    return collator.compare(String(one), String(other));
  }

  function sortBy(head, column) {
    const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    const table = head.closest("table");
    table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", direction);
    const body = table.tBodies[0];
    const keyed = [...body.rows].map((row) => [sortKey(row.cells[column]), row]);
    keyed.sort(([one], [other]) => (direction === "ascending" ? compare(one, other) : compare(other, one)));
    body.append(...keyed.map(([, row]) => row));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = element("button", { type: "button" }, head.textContent);
      button.addEventListener("click", () => sortBy(head, column));
      head.replaceChildren(button);
    });
  }

  // ---- The matrix: hosts with the same answers share a column. It shows as many columns as fit on a screen.
  const matrix = document.getElementById("matrix");
  const moreColumns = document.getElementById("more-columns");
  const capabilityFilter = document.getElementById("capability-filter");
  let limit = data.shown;

  // One cell for each answer of a row, to be cloned. Made when the row is drawn for the first time.
  const patterns = new WeakMap();
  function patternsOf(row) {
    if (!patterns.has(row)) {
      const reasons = [...row.nextElementSibling.querySelectorAll("li")];
      patterns.set(row, new Map(data.rows[row.dataset.name].filter((kind, at, all) => all.indexOf(kind) === at).map((kind) => {
        const [answer, layer] = data.kinds[kind] ?? [];
        if (!answer) return [kind, element("td", { className: "quiet" }, "not asked")];
        const cell = element("td", { className: answer }, element("span", { ariaHidden: "true" }, symbols[answer]), ` ${answer}`);
        if (layer !== "kernel") cell.append(element("small", {}, layer));
        const reason = reasons.find(({ dataset }) => dataset.answer === answer && dataset.layer === layer);
        if (reason) cell.title = reason.querySelector(".reason").textContent;
        return [kind, cell];
      })));
    }
    return patterns.get(row);
  }

  function cellsOf(row, columns) {
    const made = patternsOf(row);
    const kinds = data.rows[row.dataset.name];
    return columns.map(({ column }) => made.get(kinds[column]).cloneNode(true));
  }

  function headOf({ column, count }) {
    const { label, hosts } = data.columns[column];
    const names = [...members(hosts)].filter((host) => !chosen || chosen[host]).map((host) => data.hosts[host]);
    const head = element("th", { scope: "col", className: "set" });
    if (count === 1) {
      head.append(names[0]);
      return head;
    }
    const first = names.slice(0, 12).join(", ");
    head.title = names.length > 12 ? `${first} and ${number.format(names.length - 12)} more` : first;
    const button = element("button", { type: "button", className: "members" }, label);
    button.append(element("small", {}, plural(count, "host")));
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => showMembers(button, label, names));
    head.append(button);
    return head;
  }

  // The hosts of a column, in a row of its own below the head.
  const memberBody = element("tbody", { className: "members" });
  function showMembers(button, label, names) {
    const open = button.getAttribute("aria-expanded") === "true";
    matrix.querySelectorAll("thead .members").forEach((other) => other.setAttribute("aria-expanded", "false"));
    memberBody.replaceChildren();
    if (open) return;
    button.setAttribute("aria-expanded", "true");
    const text = element("p", {}, element("b", {}, `${label}, ${plural(names.length, "host")}: `), names.join(", "));
    memberBody.append(element("tr", { className: "why open" }, element("td", { colSpan: matrix.tHead.rows[0].cells.length }, text)));
  }

  function drawColumns() {
    stale = false;
    const counted = data.columns.map(({ hosts }, column) => ({ column, count: countChosen(hosts) }));
    const left = counted.filter(({ count }) => count).sort((one, other) => other.count - one.count || one.column - other.column);
    const shown = left.slice(0, limit);
    memberBody.replaceChildren();
    const head = matrix.tHead.rows[0];
    head.replaceChildren(head.cells[0], head.cells[1], ...shown.map(headOf));
    for (const row of matrix.querySelectorAll("tr.capability")) {
      row.replaceChildren(row.cells[0], row.cells[1], ...cellsOf(row, shown));
    }
    for (const wide of matrix.querySelectorAll("tr.area > th, tr.why > td")) wide.colSpan = shown.length + 2;
    if (moreColumns) {
      moreColumns.hidden = shown.length === left.length;
      document.getElementById("column-count").textContent =
        `${shown.length} of ${plural(left.length, "set")} of hosts with the same answers`;
    }
  }

  // A matrix outside of the screen is drawn when it is scrolled to, not at every key.
  let near = false;
  let stale = true;
  function redraw() {
    stale = true;
    if (near) drawColumns();
  }

  if (matrix) {
    new IntersectionObserver((entries) => {
      near = entries.at(-1).isIntersecting;
      if (near && stale) drawColumns();
    }, { rootMargin: "300px" }).observe(matrix.closest(".scroll"));
    addEventListener("beforeprint", () => stale && drawColumns());
    matrix.tHead.after(memberBody);
    matrix.querySelectorAll(".opener").forEach((button) => button.setAttribute("aria-expanded", "false"));
    matrix.addEventListener("click", (event) => {
      const button = event.target.closest(".opener");
      if (!button) return;
      const open = button.getAttribute("aria-expanded") !== "true";
      button.setAttribute("aria-expanded", String(open));
      button.closest("tr").nextElementSibling.classList.toggle("open", open);
    });
  }
  moreColumns?.addEventListener("click", () => {
    limit += data.shown;
    drawColumns();
  });

  function filterCapabilities() {
    if (!matrix) return;
    const wanted = capabilityFilter.value.trim().toLowerCase();
    let left = 0;
    for (const body of matrix.tBodies) {
      if (body === memberBody) continue;
      let any = false;
      for (const row of body.querySelectorAll("tr.capability")) {
        const fits = row.dataset.name.toLowerCase().includes(wanted);
        row.hidden = !fits;
        row.nextElementSibling.hidden = !fits;
        any = any || fits;
        left += fits;
      }
      body.hidden = !any;
    }
    document.getElementById("capability-count").textContent = wanted ? `${left} shown` : `${left} are not yes on every host`;
  }
  capabilityFilter?.addEventListener("input", filterCapabilities);

  // ---- The host filter applies to the whole page.
  const hostFilter = document.getElementById("host-filter");
  const groupFilter = document.getElementById("group-filter");
  const count = document.getElementById("filter-count");

  function choose() {
    const wanted = hostFilter.value.trim().toLowerCase();
    const group = groupFilter?.value ?? "";
    if (!wanted && !group) return null;
    const inGroup = group ? new Set(members(data.groups[group])) : null;
    return lowerNames.map((name, host) => name.includes(wanted) && (!inGroup || inGroup.has(host)));
  }

  function filterHosts() {
    chosen = choose();
    for (const one of document.querySelectorAll("main [data-hosts]")) one.hidden = !concerned(one.dataset.hosts);
    for (const list of document.querySelectorAll("details.hosts")) {
      const left = countChosen(list.dataset.list);
      const all = chosen ? countAll(list.dataset.list) : left;
      list.querySelector("summary").textContent = left === all ? `${number.format(all)} hosts` : `${number.format(left)} of ${number.format(all)} hosts`;
      fillList(list);
    }
    limit = data.shown;
    redraw();
    const left = chosen ? chosen.filter(Boolean).length : data.hosts.length;
    count.textContent = chosen ? `${number.format(left)} of ${plural(data.hosts.length, "host")}` : `All ${plural(data.hosts.length, "host")}`;
  }

  function countAll(text) {
    return runs(text).reduce((sum, [first, last]) => sum + last - first + 1, 0);
  }

  // Keys come faster than a page of a thousand hosts is drawn. Draw once for all keys since the last drawing.
  let waiting = 0;
  function soon() {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(filterHosts);
  }
  hostFilter.addEventListener("input", soon);
  groupFilter?.addEventListener("change", soon);

  // ---- Settings to apply can be copied.
  for (const block of document.querySelectorAll(".to-set pre")) {
    const button = element("button", { type: "button" }, "Copy");
    const said = element("span", { className: "quiet" });
    said.setAttribute("role", "status");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(block.textContent);
        said.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(block);
        said.textContent = "Selected; copy it with the keyboard";
      }
    });
    block.after(button, said);
  }

  // ---- Open folded sections for printing.
  const folded = () => document.querySelectorAll("details.rest:not([open])");
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...folded()];
    unfolded.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => unfolded.forEach((details) => { details.open = false; }));

  // Browsers keep the text of the fields over a reload.
  if (hostFilter.value || groupFilter?.value) filterHosts();
  filterCapabilities();
  document.documentElement.dataset.ready = "yes";
})();
