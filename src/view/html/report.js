"use strict";
(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));

  // Tables: a button in each heading sorts; a field searches.
  const value = (cell) => (cell.dataset.v === undefined ? cell.textContent.trim() : Number(cell.dataset.v));
  const order = new Intl.Collator("en", { numeric: true });
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : order.compare(String(a), String(b)));
  for (const table of all("table[data-sort]")) {
    const heads = all("thead th", table);
    heads.forEach((th, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...th.childNodes);
      th.append(button);
      th.setAttribute("aria-sort", column === 0 ? "ascending" : "none");
      button.addEventListener("click", () => {
        const down = th.getAttribute("aria-sort") === "ascending";
        heads.forEach((h) => h.setAttribute("aria-sort", "none"));
        th.setAttribute("aria-sort", down ? "descending" : "ascending");
        const keyed = Array.from(table.tBodies[0].rows, (row) => [value(row.cells[column]), row]);
        keyed.sort((a, b) => (down ? compare(b[0], a[0]) : compare(a[0], b[0])));
        table.tBodies[0].append(...keyed.map((k) => k[1]));
      });
    });
  }
  for (const field of all("[data-search]")) {
    const table = document.getElementById(field.dataset.search);
    const status = document.querySelector(`[data-of="${field.dataset.search}"]`);
    const rows = Array.from(table.tBodies[0].rows, (row) => [row, row.textContent.toLowerCase()]);
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let found = 0;
      for (const [row, text] of rows) {
        row.hidden = !words.every((w) => text.includes(w));
        found += row.hidden ? 0 : 1;
      }
      status.textContent = words.length ? `${found} of ${rows.length} shown` : `${rows.length} shown`;
    });
  }

  // A link to a packet opens the table that it is in.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const details = target && target.closest("details");
    if (details && !details.open) {
      details.open = true;
      target.scrollIntoView({ block: "center" });
    }
  };
  addEventListener("hashchange", reveal);
  reveal();

  // Graphs: hover reads values off, dragging zooms, so do the buttons.
  const NS = "http://www.w3.org/2000/svg";
  const make = (name, attributes, parent) => {
    const node = document.createElementNS(NS, name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (parent) parent.append(node);
    return node;
  };
  const TIMES = [["d", 864e11], ["h", 36e11], ["min", 6e10], ["s", 1e9], ["ms", 1e6], ["µs", 1e3], ["ns", 1]];
  const THOUSANDS = [["E", 1e18], ["P", 1e15], ["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3], ["", 1]];
  const say = (n, unit, step) => {
    if (n === 0) return "0";
    const sizes = unit === "Time" ? TIMES : THOUSANDS;
    const [name, size] = sizes.find((s) => Math.abs(n) >= s[1] && !(s[0] === "min" && Math.abs(n) < 12e10)) || ["", 1];
    let places = 0;
    while (places < 9 && step * 10 ** places < size) places += 1;
    const text = (n / size).toFixed(places);
    return (places ? text.replace(/\.?0+$/, "") : text) + (unit === "Time" ? " " : "") + name;
  };
  const CLOCK = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 10800, 21600, 43200, 86400];
  const round = (span, most, unit) => {
    if (unit === "Time" && span / most > 1e9) {
      const clock = CLOCK.find((c) => span / (c * 1e9) < most);
      if (clock) return clock * 1e9;
    }
    for (let e = 0; e < 20; e += 1) for (const m of [1, 2, 5]) if (span / (m * 10 ** e) < most) return m * 10 ** e;
    return span;
  };

  for (const figure of all("figure[data-graph]")) {
    const section = document.getElementById(figure.dataset.graph);
    let packets = null;
    const nearest = (t) => {
      packets = packets || all("tr[data-t]", section).map((row) => [Number(row.dataset.t), row]);
      let best = null;
      for (const p of packets) if (!best || Math.abs(p[0] - t) < Math.abs(best[0] - t)) best = p;
      return best;
    };
    all("svg.plot", figure).forEach((plot) => {
      const d = plot.dataset;
      const [x0, x1, y0, y1] = [d.x0, d.x1, d.y0, d.y1].map(Number);
      const [W, H] = [plot.viewBox.baseVal.width, plot.viewBox.baseVal.height];
      const [left, top] = [plot.x.baseVal.value, plot.y.baseVal.value];
      const panel = plot.parentNode;
      const ticks = all(".grid,.tick:not(.name)", panel);
      const marks = all(".mark", panel).map((m) => [m, Number(m.getAttribute("x")) - left, Number(m.getAttribute("y")) - top]);
      const side = d.side === "orig" ? "originator" : "responder";
      const yUnit = figure.querySelector("svg.graph").dataset.kind === "rtt" ? "Time" : d.unit;
      const quantity = { Octets: " octets", BitRate: " bit/s", Time: "" }[yUnit];
      let view = { x: 0, y: 0, w: W, h: H };
      const time = (x) => x0 + (x / W) * (x1 - x0);
      const height = (y) => y0 + (1 - y / H) * (y1 - y0);

      const bar = document.createElement("div");
      bar.className = "zoom";
      bar.setAttribute("role", "group");
      bar.setAttribute("aria-label", `Zoom the graph of the ${side}`);
      const hint = document.createElement("span");
      hint.textContent = `The ${side}'s: drag to zoom, click to go to the packet.`;
      const button = (text, label, act) => {
        const b = document.createElement("button");
        b.type = "button";
        b.textContent = text;
        b.setAttribute("aria-label", label);
        b.addEventListener("click", act);
        bar.append(b);
      };

      const axes = () => {
        ticks.forEach((t) => t.remove());
        ticks.length = 0;
        const [a, b, lo, hi] = [time(view.x), time(view.x + view.w), height(view.y + view.h), height(view.y)];
        const xs = round(b - a, 10, "Time");
        for (let t = Math.ceil(a / xs) * xs; t <= b; t += xs) {
          const x = left + ((t - a) / (b - a)) * W;
          ticks.push(make("path", { class: "grid", d: `M${x} ${top}V${top + H}` }));
          const label = make("text", { class: "tick mid", x, y: top + H + 17 });
          label.textContent = say(Math.round(t), "Time", xs);
          ticks.push(label);
        }
        const ys = round(hi - lo, 6, yUnit);
        for (let v = Math.ceil(lo / ys) * ys; v <= hi; v += ys) {
          const y = top + H - ((v - lo) / (hi - lo)) * H;
          ticks.push(make("path", { class: "grid", d: `M${left} ${y}H${left + W}` }));
          const label = make("text", { class: "tick end", x: left - 8, y: y + 4 });
          label.textContent = say(Math.round(v), yUnit, ys);
          ticks.push(label);
        }
        plot.before(...ticks);
      };
      const show = (next) => {
        const w = Math.min(W, Math.max(W / 1000, next.w));
        const h = Math.min(H, Math.max(H / 1000, next.h));
        view = { w, h, x: Math.min(W - w, Math.max(0, next.x)), y: Math.min(H - h, Math.max(0, next.y)) };
        plot.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
        for (const [m, x, y] of marks) {
          m.setAttribute("x", left + ((x - 3 - view.x) / view.w) * W + 3);
          m.setAttribute("y", top + ((y - 3 - view.y) / view.h) * H + 3);
        }
        axes();
      };
      const by = (f) => show({ w: view.w * f, h: view.h * f, x: view.x + (view.w * (1 - f)) / 2, y: view.y + (view.h * (1 - f)) / 2 });
      const move = (dx, dy) => show({ ...view, x: view.x + dx * view.w, y: view.y + dy * view.h });
      button("+", "Zoom in", () => by(0.5));
      button("−", "Zoom out", () => by(2));
      button("←", "Earlier", () => move(-0.25, 0));
      button("→", "Later", () => move(0.25, 0));
      button("↑", "Higher", () => move(0, -0.25));
      button("↓", "Lower", () => move(0, 0.25));
      button("All", "Show all", () => show({ x: 0, y: 0, w: W, h: H }));
      bar.append(hint);
      figure.append(bar);

      // The catcher lies over the whole plot, in the outer coordinates, which never zoom.
      const catcher = make("rect", { class: "catch", x: left, y: top, width: W, height: H }, panel);
      const cursor = make("path", { class: "cursor" }, panel);
      const band = make("rect", { class: "band", width: 0, height: 0 }, panel);
      const read = make("text", { class: "read", x: left, y: top + H + 34 }, panel);
      let from = null;
      const at = (event) => {
        const box = catcher.getBoundingClientRect();
        const fx = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
        const fy = Math.min(1, Math.max(0, (event.clientY - box.top) / box.height));
        return { fx, fy, x: view.x + fx * view.w, y: view.y + fy * view.h };
      };
      catcher.addEventListener("pointermove", (event) => {
        const p = at(event);
        const near = nearest(time(p.x));
        cursor.setAttribute("d", `M${left + p.fx * W} ${top}v${H}M${left} ${top + p.fy * H}h${W}`);
        const step = (x1 - x0) / 1e4;
        const up = Math.round(height(p.y));
        const amount = yUnit === "Octets" ? up.toLocaleString("en") : say(up, yUnit, (y1 - y0) / 1e3);
        let text = `${say(Math.round(time(p.x)), "Time", step)}, ${amount}${quantity}`;
        if (near) {
          const c = near[1].cells;
          const [frame, when, way, flags, seq, , , , len] = Array.from(c, (cell) => cell.textContent.trim());
          text += `; nearest in the table: frame ${frame}, ${when}, ${way} ${flags} ${seq}:${len}`;
        }
        read.textContent = text;
        if (from) {
          const [l, t] = [Math.min(from.fx, p.fx), Math.min(from.fy, p.fy)];
          band.setAttribute("x", left + l * W);
          band.setAttribute("y", top + t * H);
          band.setAttribute("width", Math.abs(from.fx - p.fx) * W);
          band.setAttribute("height", Math.abs(from.fy - p.fy) * H);
        }
      });
      catcher.addEventListener("pointerleave", () => {
        cursor.setAttribute("d", "");
        read.textContent = "";
      });
      catcher.addEventListener("pointerdown", (event) => {
        from = at(event);
        catcher.setPointerCapture(event.pointerId);
      });
      catcher.addEventListener("pointerup", (event) => {
        const p = at(event);
        const start = from;
        from = null;
        band.setAttribute("width", 0);
        cursor.setAttribute("d", "");
        read.textContent = "";
        if (start && Math.abs(start.fx - p.fx) > 0.01) {
          const tall = Math.abs(start.fy - p.fy) > 0.03;
          show({
            x: Math.min(start.x, p.x),
            w: Math.abs(start.x - p.x),
            y: tall ? Math.min(start.y, p.y) : view.y,
            h: tall ? Math.abs(start.y - p.y) : view.h,
          });
        } else if (start) {
          const near = nearest(time(p.x));
          if (near) {
            all("tr.here", section).forEach((r) => r.classList.remove("here"));
            near[1].classList.add("here");
            near[1].closest("details").open = true;
            near[1].scrollIntoView({ block: "center" });
          }
        }
      });
      catcher.addEventListener("pointercancel", () => {
        from = null;
        band.setAttribute("width", 0);
      });
    });
  }
})();
