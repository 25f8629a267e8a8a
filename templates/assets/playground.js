// The knobs of sampling, turned over the scores of every token as generator/sampling.py turns them, in float64.
(function () {
  "use strict";

  var element = window.layerbook.element;
  var on = window.layerbook.on;
  var percent = window.layerbook.percent;
  var TOP_K = 1;
  var MOST_DRAWN = 30;

  function grouped(number) {
    return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
  }

  function total(values, from, to) {
    var sum = 0;
    while (to > from) sum += values[--to]; // the small ones first
    return sum;
  }

  // The tokens after one prompt, best first, of equal scores the lower id, and what the knobs make of their chances.
  function Odds(logits) {
    var order = Uint32Array.from(logits.keys()).sort(function (a, b) {
      return logits[b] - logits[a] || a - b;
    });

    // At temperature 0 only the best is left, which is 0 behind itself whatever divides that.
    function turn(temperature, k, p) {
      var chances = Float64Array.from(order, function (id, rank) {
        return rank ? temperature && Math.exp((logits[id] - logits[order[0]]) / temperature) : 1;
      });
      var cuts = [cut(temperature ? "top-k" : "greedy", temperature ? k : 1, order.length)];
      if (p < 1) {
        var mass = chances[0];
        for (var rank = 1; rank < cuts[0].from && mass < p; rank += 1) mass += chances[rank];
        cuts.push(cut("top-p", rank, cuts[0].from));
      }
      var left = 0;
      var bits = 0;
      for (; chances[left]; left += 1) bits -= chances[left] * Math.log2(chances[left]);
      cuts.push({ by: "rounding", from: left, count: cuts[cuts.length - 1].from - left });
      return { chances: chances, cuts: cuts, left: left, choices: Math.pow(2, bits) };

      // Removes the ranks from `from` on, and makes the others 1 together again.
      function cut(by, from, to) {
        var kept = total(chances, 0, from);
        var lost = total(chances, from, to);
        for (var rank = 0; rank < to; rank += 1) chances[rank] = rank < from ? chances[rank] / kept : 0;
        return { by: by, from: from, count: to - from, lost: lost / (kept + lost) };
      }
    }

    return { order: order, turn: turn };
  }

  function playground(figure, data) {
    var box = figure.querySelector("template").content.firstElementChild.cloneNode(true);
    var names = new Map(data.names);
    var known = [];
    var odds, size, own, now, knobs;

    function all(selector) {
      return Array.from(box.querySelectorAll(selector));
    }

    var choice = all("select")[0];
    var told = all(".play-told")[0];
    var drawn = all(".play-drawn")[0];
    var rows = all("li").map(function (line) {
      var parts = line.querySelectorAll("span, i, b");
      return { line: line, token: parts[1], bar: parts[3], own: parts[4], value: parts[5] };
    });
    var rest = rows.pop();

    // A slider, and a field for the exact number; the slider of top-k counts in powers.
    var fields = all("[type=number]");
    var controls = all("[type=range]").map(function (slider, i) {
      var field = fields[i];
      on(slider, "input", function () {
        set(i === TOP_K ? Math.round(Math.pow(size, slider.value)) : Number(slider.value), slider);
      });
      on(field, "input", function () {
        if (field.value && field.validity.valid) set(Number(field.value), field);
      });
      on(field, "change", show);
      function set(value, by) {
        knobs[i] = value;
        show(by);
      }
      return function (by) {
        if (by !== slider) slider.value = i === TOP_K ? Math.log(knobs[i]) / Math.log(size) : knobs[i];
        if (by !== field) field.value = knobs[i];
        slider.setAttribute("aria-valuetext", knobs[i]);
      };
    });

    var presets = all("[data-knobs]");
    presets.forEach(function (preset) {
      on(preset, "click", choose.bind(null, preset));
    });
    function settings(preset) {
      return JSON.parse(preset.getAttribute("data-knobs"));
    }
    function choose(preset) {
      knobs = settings(preset);
      show();
    }

    on(all(".play-draw")[0], "click", function () {
      var at = Math.random();
      var rank = 0;
      while (rank < now.left - 1 && (at -= now.chances[rank]) >= 0) rank += 1;
      drawn.prepend(chip(element("span", { class: "tok" }), rank));
      if (drawn.children.length > MOST_DRAWN) drawn.lastChild.remove();
    });

    function chip(where, rank) {
      var id = odds.order[rank];
      where.textContent = names.has(id) ? names.get(id) || "empty" : "#" + id;
      where.title = "token " + id + ", rank " + (rank + 1);
      return where;
    }

    function fill(row, share, before, cut) {
      row.line.classList.toggle("absent", !!cut);
      row.bar.style.width = 100 * share + "%";
      row.own.style.left = 100 * before + "%";
      row.value.textContent = cut ? "✗ " + cut.by : percent(share);
      row.value.title = share;
    }

    function show(by) {
      var shown = rows.length;
      now = odds.turn.apply(null, knobs);
      controls.forEach(function (write) {
        write(by);
      });
      rows.forEach(function (row, rank) {
        fill(row, now.chances[rank], own[rank], now.cuts.find(function (cut) {
          return rank >= cut.from;
        }));
      });
      rest.token.textContent = grouped(Math.max(0, now.left - shown)) + " of " + grouped(size - shown) + " others";
      fill(rest, total(now.chances, shown, size), total(own, shown, size));
      told.textContent = now.cuts.reduce(function (text, cut, i) {
        if (!cut.count) return text;
        return text + "; " + cut.by + " removed " + grouped(cut.count) +
          (cut.lost ? " with " + percent(cut.lost) + " of " + (i && now.cuts[0].count ? "what was left" : "the probability") : "");
      }, grouped(now.left) + " of " + grouped(size) + " tokens are left, as uncertain as a fair choice among " + now.choices.toFixed(2));
      presets.forEach(function (preset) {
        preset.setAttribute("aria-pressed", String(settings(preset).join() === knobs.join()));
      });
      drawn.textContent = "";
    }

    function open() {
      var at = choice.selectedIndex;
      odds = known[at] = known[at] || Odds(window.layerbook.numbers(data.logits[at]));
      size = odds.order.length;
      own = odds.turn(1, size, 1).chances;
      rows.forEach(function (row, rank) {
        chip(row.token, rank);
      });
    }
    on(choice, "change", function () {
      open();
      show();
    });
    open();
    choose(presets[0]);
    return box;
  }

  window.layerbook.opening("scores", "Turn the knobs yourself", playground);
})();
