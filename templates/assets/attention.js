// Opens the attention patterns of every layer and head behind a picture that stands alone.
(function () {
  "use strict";

  var MEAN = -1;

  var element = window.layerbook.element;
  var on = window.layerbook.on;

  function piece(name, kind, parent, text) {
    return element(name, { class: "explorer-" + kind }, parent, text);
  }

  function within(value, least, most) {
    return Math.max(least, Math.min(most, value));
  }

  // Like the book's: never rounded to nothing, nor to all unless there is nothing else.
  function percent(share, alone) {
    var text = alone ? "100" : (100 * share).toFixed(2);
    if (text === "0.00") text = "<\u202f0.01";
    if (text === "100.00") text = ">\u202f99.99";
    return text + "\u202f%";
  }

  // 16 bits a share, little-endian in base64: steps of 1/65535, in each row finer by a power of two for all keys but the first.
  function numbers(data) {
    var bytes = atob(data.weights);
    var found = new Float64Array(bytes.length / 2);
    for (var i = 0, row = 0; i < found.length; row += 1) {
      var finer = Math.pow(2, parseInt(data.finer[row], 36));
      for (var key = 0; key <= row % data.tokens.length; key += 1, i += 1) {
        var step = bytes.charCodeAt(2 * i) + 256 * bytes.charCodeAt(2 * i + 1);
        found[i] = step / 65535 / (key ? finer : 1);
      }
    }
    return found;
  }

  // Shares and their colours. Weights go by layer, head and place: of each pattern the cells that exist, row by row.
  function Patterns(data) {
    var weights = numbers(data);
    var count = data.tokens.length;
    var places = (count * (count + 1)) / 2;
    var steps = data.shades.length / 6;

    // The shares of one query, as measured, or without the first token and made to sum to one again.
    function row(layer, head, query, without) {
      var from = head === MEAN ? 0 : head;
      var to = head === MEAN ? data.heads : head + 1;
      var shares = [];
      for (var key = 0; key <= query; key += 1) {
        var sum = 0;
        for (var h = from; h < to; h += 1) sum += weights[(layer * data.heads + h) * places + (query * (query + 1)) / 2 + key];
        shares.push(sum / (to - from));
      }
      if (!without) return shares;
      var rest = shares.reduce(function (sum, share, key) {
        return key ? sum + share : 0;
      }, 0);
      return shares.map(function (share, key) {
        return key && rest ? share / rest : null;
      });
    }

    // A pixel a cell; the stylesheet makes them large. What does not exist stays empty.
    function paint(canvas, rows) {
      var image = new ImageData(canvas.width, canvas.height);
      rows.forEach(function (shares, y) {
        shares.forEach(function (share, x) {
          if (share === null) return;
          var shade = Math.min(steps - 1, Math.floor(share * steps));
          var rgb = parseInt(data.shades.substr(6 * shade, 6), 16);
          image.data.set([rgb >> 16, (rgb >> 8) & 255, rgb & 255, 255], 4 * (y * canvas.width + x));
        });
      });
      canvas.getContext("2d").putImageData(image, 0, 0);
    }

    function draw(canvas, layer, head, without) {
      paint(canvas, data.tokens.map(function (_, query) {
        return row(layer, head, query, without);
      }));
    }

    return { row: row, draw: draw, paint: paint };
  }

  function explorer(figure, data) {
    var patterns = Patterns(data);
    var tokens = data.tokens;
    var count = tokens.length;
    var name = figure.querySelector(".figure-number").textContent.replace(/\.$/, "");
    var state = { layer: data.start, head: MEAN, without: false, row: count - 1, column: null, locked: false };
    var waiting, pointer;

    var box = element("div", { class: "explorer", role: "group", "aria-label": name + ", every layer and head" });

    function picture(parent, width, height) {
      return element("canvas", { class: "fig-map", width: width, height: height }, parent);
    }

    var bar = piece("div", "bar", box);
    function slider(label, most, key, least) {
      var wrap = piece("label", "slider", bar, label);
      var input = element("input", { type: "range", min: "0", max: most, step: "1" }, wrap);
      var output = element("output", {}, wrap);
      on(input, "input", function () {
        var change = {};
        change[key] = Number(input.value) + least;
        update(change);
      });
      return function (text) {
        input.value = state[key] - least;
        input.setAttribute("aria-valuetext", text);
        output.textContent = text;
      };
    }
    var showLayer = slider("Layer", data.layers.length - 1, "layer", 0);
    var showHead = slider("Head", data.heads, "head", MEAN);
    var option = piece("label", "option", bar);
    var check = element("input", { type: "checkbox" }, option);
    option.append("Leave out the first token");
    on(check, "change", function () {
      update({ without: check.checked });
    });
    var legend = piece("p", "legend", box, "0");
    var scale = picture(legend, 256, 1);
    var shades = Array.from({ length: 256 }, function (_, i) {
      return i / 256;
    });
    patterns.paint(scale, [shades]);
    legend.append("1");
    var meaning = element("span", {}, legend);

    // The large picture, and what one of its rows looks at
    var main = piece("div", "main", box);
    var map = piece("div", "map", main);
    piece("span", "axis", map, "↓ token that looks");
    var rows = element("div", { class: "explorer-rows", role: "group", "aria-label": "Token that looks" }, map);
    var cells = piece("div", "cells", map);
    var large = picture(cells, count, count);
    var marks = [piece("div", "mark", cells), piece("div", "mark", cells)];
    var columns = element("div", { class: "explorer-columns", "aria-hidden": "true" }, map);
    piece("span", "axis", map, "→ token it looks at");
    var list = piece("div", "list", main);
    var heading = piece("p", "heading", list);
    var items = element("ol", {}, list);
    var strip = element("p", { class: "explorer-strip", "aria-hidden": "true" }, box);
    var parts = tokens.map(function (token, i) {
      var line = element("li", {}, items);
      piece("span", "at", line, i);
      element("span", { class: "tok", title: data.facts[i] }, line, token);
      return {
        line: line,
        bar: element("i", {}, piece("span", "share", line)),
        value: piece("span", "value", line),
        button: element("button", { type: "button", "aria-label": "row " + i + ", " + token }, rows, token),
        column: element("span", {}, element("span", {}, columns), token),
        chip: element("span", { class: "tok", title: data.facts[i] }, strip, token),
      };
    });
    parts.forEach(function (part, i) {
      on(part.button, "focus mouseenter", point.bind(null, i, null));
      on(part.chip, "mouseenter", point.bind(null, i, i));
      on(part.button, "click", lock.bind(null, i));
      on(part.chip, "click", lock.bind(null, i));
    });
    function under(event) {
      var seen = cells.getBoundingClientRect();
      return [event.clientY - seen.top, event.clientX - seen.left].map(function (way) {
        return within(Math.floor((way / seen.width) * count), 0, count - 1);
      });
    }
    on(cells, "mousemove", function (event) {
      var at = under(event);
      point(at[0], at[1], event);
    });
    on(cells, "click", function (event) {
      lock(under(event)[0]);
    });
    on(cells, "mouseleave", update.bind(null, { column: null }));
    on(strip, "mouseleave", update.bind(null, { column: null }));

    // Small pictures: a column is a layer, a row a head, the first row the mean of all.
    var scroll = element("div", { class: "explorer-grid scroll" }, box);
    var table = element("table", { role: "grid", "aria-label": "All patterns: rows are heads, columns are layers" }, scroll);
    var top = element("tr", {}, element("thead", {}, table));
    var body = element("tbody", {}, table);
    var thumbs = [];
    element("td", {}, top, "layer");
    data.layers.forEach(function (layer) {
      element("th", { scope: "col" }, top, layer);
    });
    for (var head = MEAN; head < data.heads; head += 1) addThumbs(head);
    function addThumbs(head) {
      var line = element("tr", {}, body);
      element("th", { scope: "row" }, line, head === MEAN ? "mean" : "head " + head);
      data.layers.forEach(function (_, layer) {
        var cell = element("td", { role: "gridcell" }, line);
        var button = element("button", { type: "button", "aria-label": place(layer, head) }, cell);
        thumbs.push({ layer: layer, head: head, cell: cell, button: button, canvas: picture(button, count, count) });
        on(button, "click", function () {
          update({ layer: layer, head: head });
          parts[state.row].button.focus();
        });
      });
    }

    var spoken = element("p", { class: "visually-hidden", role: "status" }, box);

    function place(layer, head) {
      return "layer " + data.layers[layer] + ", " + (head === MEAN ? "mean of the heads" : "head " + head);
    }

    function point(row, column, event) {
      var at = event.screenX + " " + event.screenY;
      if (at === pointer) return; // the page moved, not the mouse
      if (event.type !== "focus") pointer = at;
      update(state.locked ? { column: column } : { row: row, column: column });
    }

    function lock(row) {
      update({ row: row, locked: !(state.locked && state.row === row) });
    }

    function update(changes) {
      var masked = "without" in changes;
      Object.assign(state, changes);
      if (masked || "layer" in changes || "head" in changes) showPattern(masked);
      showRow();
    }

    function showPattern(all) {
      showLayer(data.layers[state.layer]);
      showHead(state.head === MEAN ? "mean" : state.head);
      patterns.draw(large, state.layer, state.head, state.without);
      meaning.textContent = state.without
        ? "share of what the first token leaves, each row summing to one again"
        : "share of attention";
      thumbs.forEach(function (thumb) {
        var chosen = thumb.layer === state.layer && thumb.head === state.head;
        thumb.button.tabIndex = chosen ? 0 : -1;
        thumb.cell.setAttribute("aria-selected", String(chosen));
        if (all) patterns.draw(thumb.canvas, thumb.layer, thumb.head, state.without);
      });
    }

    // Whether the row has only one place to look at.
    function alone() {
      return state.row === Number(state.without);
    }

    function showRow() {
      var shares = patterns.row(state.layer, state.head, state.row, state.without);
      heading.textContent = "Row " + state.row + ", " + tokens[state.row] + " looks at";
      element("small", {}, heading, state.locked ? "locked: Escape lets go" : "click or Enter locks it");
      parts.forEach(function (part, i) {
        var share = i < shares.length ? shares[i] : null;
        var looks = i === state.row;
        part.line.classList.toggle("absent", share === null);
        part.bar.style.width = 100 * share + "%";
        part.value.textContent = share !== null ? percent(share, alone()) : i > state.row ? "later" : "left out";
        part.chip.style.boxShadow = "inset 0 " + -1.2 * share + "em var(--accent-tint)";
        part.button.tabIndex = looks ? 0 : -1;
        part.button.setAttribute("aria-pressed", String(looks && state.locked));
        part.button.classList.toggle("looking", looks);
        part.chip.classList.toggle("looking", looks);
        [part.line, part.chip, part.column].forEach(function (one) {
          one.classList.toggle("marked", i === state.column);
        });
      });
      var edge = 100 / count;
      marks[0].style.cssText = "left:0;right:0;height:" + edge + "%;top:" + edge * state.row + "%";
      marks[1].style.cssText = "top:0;bottom:0;width:" + edge + "%;left:" + edge * state.column + "%";
      marks[1].hidden = state.column === null;
      clearTimeout(waiting);
      waiting = setTimeout(speak, 200, shares);
    }

    // Where we are, and what the row looks at most.
    function speak(shares) {
      var best = Object.keys(shares)
        .filter(function (key) {
          return shares[key] !== null;
        })
        .sort(function (a, b) {
          return shares[b] - shares[a];
        })
        .slice(0, 3)
        .map(function (key) {
          return percent(shares[key], alone()) + " to " + tokens[key] + " at " + key;
        });
      var left = state.without ? ", first token left out" : "";
      var row = "; row " + state.row + ", " + tokens[state.row] + (state.locked ? ", locked: " : ": ");
      spoken.textContent = place(state.layer, state.head) + left + row + (best.join(", ") || "nothing");
    }

    // In the rows, up and down move the row, left and right the layer; in the small pictures, head and layer.
    on(box, "keydown", function (event) {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      var step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (event.key === "Escape" && state.locked) update({ locked: false });
      else if (step && event.target.closest("button")) {
        var layer = within(state.layer + step[0], 0, data.layers.length - 1);
        if (table.contains(event.target)) {
          update({ layer: layer, head: within(state.head + step[1], MEAN, data.heads - 1) });
          table.querySelector("[tabindex='0']").focus();
        } else {
          update({ layer: layer, row: within(state.row + step[1], 0, count - 1) });
          parts[state.row].button.focus();
        }
      } else return;
      event.preventDefault();
    });

    showPattern(true);
    showRow();
    return box;
  }

  window.layerbook.opening("patterns", "Explore every layer and head", explorer);
})();
