// A text of the reader's own, cut into tokens. The tokenizer and its library are loaded when the reader asks.
(function () {
  "use strict";

  var MOST_CHARACTERS = 20000;
  var MOST_CHIPS = 1500;
  var MOST_PRINTED = 400; // on paper, where the field cannot be
  var SLOW = 2000; // from this many characters on, it waits for a pause in the typing
  var MARKS = { " ": "·", "\n": "⏎", "\t": "⇥", "\r": "⇤" };
  var HIDDEN = /[\p{C}\p{Z}]/u;
  var WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  function make(name, parent, className, text) {
    var made = document.createElement(name);
    if (className) made.className = className;
    if (text) made.textContent = text;
    if (parent) parent.appendChild(made);
    return made;
  }

  function grouped(number) {
    return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
  }

  function counted(number, what) {
    return grouped(number) + " " + what + (number === 1 ? "" : "s");
  }

  function hexadecimal(number, width) {
    return number.toString(16).toUpperCase().padStart(width, "0");
  }

  // Byte-level tokenizers spell a byte as a printable character: Latin-1 where that is one, else one past 255.
  function spelling() {
    var byteOf = new Map();
    var moved = 256;
    for (var byte = 0; byte < 256; byte += 1) {
      var printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
      byteOf.set(String.fromCharCode(printable ? byte : moved), byte);
      if (!printable) moved += 1;
    }
    return byteOf;
  }

  var BYTE_OF = spelling();

  // Who joins the pairs in order has the vocabulary: each new piece takes the lowest free id.
  function vocabulary(data) {
    var idOf = Object.create(null);
    var pieces = [];
    var merges = [];
    var free = 0;
    data.given.forEach(function (entry) {
      idOf[entry[0]] = entry[1];
      pieces[entry[1]] = entry[0];
    });
    for (var i = 0; i < data.joins.length; i += 2) {
      var pair = [pieces[data.joins[i]], pieces[data.joins[i + 1]]];
      var piece = pair[0] + pair[1];
      merges.push(pair);
      if (idOf[piece] !== undefined) continue;
      while (pieces[free] !== undefined) free += 1;
      idOf[piece] = free;
      pieces[free] = piece;
    }
    return { idOf: idOf, merges: merges };
  }

  function split(pattern) {
    return { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
  }

  // The library takes only 0 to 9 for digits and JavaScript's own idea of whitespace; spelt out, both are Unicode's.
  function spelt(step) {
    if (!step) return step;
    if (step.type === "Sequence") return Object.assign({}, step, { pretokenizers: step.pretokenizers.map(spelt) });
    if (step.type === "Digits") return split(step.individual_digits ? "\\p{N}" : "\\p{N}+");
    if (step.type !== "ByteLevel" || step.use_regex === false || step.add_prefix_space) return step;
    return { type: "Sequence", pretokenizers: [split(WORDS), Object.assign({}, step, { use_regex: false })] };
  }

  // A byte that no entry can write is dropped before anything is joined, so that its neighbours may join.
  function withoutLost(step, model, idOf) {
    var lost = "";
    BYTE_OF.forEach(function (byte, char) {
      if (idOf[char] === undefined) lost += "\\u{" + hexadecimal(char.codePointAt(0), 4) + "}";
    });
    var bytewise = JSON.stringify(step).indexOf('"ByteLevel"') >= 0;
    if (!lost || !bytewise || model.unk_token || model.byte_fallback) return step;
    var drop = { type: "Replace", pattern: { Regex: "[" + lost + "]" }, content: "" };
    return { type: "Sequence", pretokenizers: [step, drop] };
  }

  function open(data) {
    var made = vocabulary(data);
    var model = Object.assign({}, data.rest.model, { vocab: made.idOf, merges: made.merges });
    var steps = withoutLost(spelt(data.rest.pre_tokenizer) || null, model, made.idOf);
    var settings = Object.assign({}, data.rest, { model: model, pre_tokenizer: steps });
    var library = new window.layerbookTokenizers.Tokenizer(settings, {});
    var specials = new Set();
    (data.rest.added_tokens || []).forEach(function (token) {
      if (token.special) specials.add(token.id);
    });
    return function (text) {
      return library.encode(text).ids.map(function (id) {
        return token(id, library.id_to_token(id), specials.has(id));
      });
    };
  }

  function token(id, piece, special) {
    var bytes = bytesOf(piece, special);
    var text = special ? piece : new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    return { id: id, text: text, bytes: bytes, special: special, shown: special ? piece : visible(text, bytes) };
  }

  function bytesOf(piece, special) {
    var chars = Array.from(piece);
    if (!special && chars.every(BYTE_OF.has, BYTE_OF)) return Uint8Array.from(chars, BYTE_OF.get, BYTE_OF);
    if (!special && /^<0x[0-9A-Fa-f]{2}>$/.test(piece)) return Uint8Array.of(parseInt(piece.slice(3, 5), 16));
    return new TextEncoder().encode(special ? piece : piece.replace(/▁/g, " "));
  }

  // As everywhere in the book: whitespace drawn, parts of characters as their bytes, what has no shape by its number.
  function visible(text, bytes) {
    if (text.indexOf("\uFFFD") >= 0) {
      return Array.from(bytes, function (byte) {
        return "<0x" + hexadecimal(byte, 2) + ">";
      }).join("");
    }
    return marked(text);
  }

  function marked(text) {
    return Array.from(text, function (char) {
      return MARKS[char] || (HIDDEN.test(char) ? "<U+" + hexadecimal(char.codePointAt(0), 4) + ">" : char);
    }).join("");
  }

  function draw(parent, token) {
    var raw = Array.from(token.text);
    var shown = Array.from(token.shown);
    if (!shown.length) make("span", parent, "nothing", "empty");
    shown.forEach(function (char, i) {
      if (raw.length === shown.length && raw[i] !== char) make("span", parent, "ws", char);
      else parent.appendChild(document.createTextNode(char));
    });
    parent.normalize();
  }

  function told(token, position) {
    var bytes = Array.from(token.bytes, function (byte) {
      return hexadecimal(byte, 2);
    });
    var what = token.special ? "a special token, which stands for no text" : (bytes.length === 1 ? "byte " : "bytes ") + bytes.join(" ");
    return "position " + position + ": " + (token.shown || "empty") + ", id " + token.id + ", " + what;
  }

  // Loads the scripts one after the other, since the second may need the first.
  function load(sources, done, failed) {
    if (!sources.length) return done();
    var script = document.createElement("script");
    script.src = sources[0];
    script.onload = function () {
      load(sources.slice(1), done, failed);
    };
    script.onerror = failed;
    document.head.appendChild(script);
  }

  function build(box, number) {
    var sources = box.getAttribute("data-scripts").split(" ");
    var label = box.querySelector(".strip-label .verbatim");
    var chips = box.querySelector(".chips");
    var bar = make("p", null, "live-bar");
    var button = make("button", bar, "tool", "Cut a text of your own");
    var status = make("span", bar, "live-status", "Loads the tokenizer, " + box.getAttribute("data-size") + ".");
    var detail = make("p", null, "live-detail");
    var cut, field, tokens, current, timer;
    button.type = "button";
    status.setAttribute("role", "status");
    box.insertBefore(bar, box.firstChild);

    function point(index, hovered) {
      var rows = chips.children;
      if (!hovered) {
        if (rows[current]) rows[current].setAttribute("aria-selected", "false");
        current = index;
        if (rows[current]) {
          rows[current].setAttribute("aria-selected", "true");
          chips.setAttribute("aria-activedescendant", rows[current].id);
          rows[current].scrollIntoView({ block: "nearest" });
        }
      }
      detail.textContent = tokens[index] ? told(tokens[index], index) : "";
    }

    function row(token, index) {
      var item = make("li", null, "chip");
      item.id = "live-" + number + "-" + index;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", "false");
      item.setAttribute("aria-label", told(token, index));
      draw(make("span", item, token.special ? "tok special" : "tok"), token);
      make("span", item, "tok-id", String(token.id));
      return item;
    }

    function show() {
      var typed = Array.from(field.value);
      var taken = typed.slice(0, MOST_CHARACTERS);
      tokens = cut(taken.join(""));
      var rows = document.createDocumentFragment();
      tokens.slice(0, MOST_CHIPS).forEach(function (token, index) {
        rows.appendChild(row(token, index));
      });
      chips.textContent = "";
      chips.appendChild(rows);
      chips.hidden = !tokens.length;
      chips.removeAttribute("aria-activedescendant");
      current = -1;
      detail.textContent = tokens.length ? "Point at a token, or reach it with Tab and the arrow keys." : "";
      var printed = taken.slice(0, MOST_PRINTED).join("") + (typed.length > MOST_PRINTED ? " …" : "");
      label.textContent = "";
      draw(label, { text: printed, shown: marked(printed) });
      var short = taken.length < typed.length;
      status.textContent =
        (short ? "The first " + grouped(taken.length) + " of " : "") + counted(typed.length, "character") +
        (short ? ": " : ", ") + counted(tokens.length, "token") +
        (tokens.length > MOST_CHIPS ? "; the first " + grouped(MOST_CHIPS) + " are drawn." : ".");
    }

    function changed() {
      clearTimeout(timer);
      timer = setTimeout(show, field.value.length < SLOW ? 0 : 250);
    }

    function start() {
      var data = window.layerbookData && window.layerbookData[sources[sources.length - 1]];
      if (!data || !window.layerbookTokenizers) return failed();
      cut = open(data);
      window.layerbook.tokenize = cut;
      field = document.createElement("textarea");
      field.rows = 3;
      field.spellcheck = false;
      field.setAttribute("aria-label", "Your text");
      field.setAttribute("autocapitalize", "off");
      field.value = data.text;
      field.addEventListener("input", changed);
      box.insertBefore(field, bar);
      button.remove();
      box.appendChild(detail);
      box.classList.add("open");
      chips.setAttribute("role", "listbox");
      chips.setAttribute("aria-label", "The tokens");
      chips.tabIndex = 0;
      var words = box.closest("figure").querySelector("p.visually-hidden");
      if (words) words.textContent = "A field for your text, and below it the tokens that it is cut into.";
      show();
      field.focus();
      field.select();
    }

    function failed() {
      button.disabled = false;
      status.textContent = "The tokenizer cannot be loaded; its files are missing.";
    }

    button.addEventListener("click", function () {
      button.disabled = true;
      status.textContent = "Loading …";
      load(sources, start, failed);
    });
    chips.addEventListener("mouseover", function (event) {
      var item = event.target.closest(".chip");
      if (cut && item) point(Array.prototype.indexOf.call(chips.children, item), true);
    });
    chips.addEventListener("click", function (event) {
      var item = event.target.closest(".chip");
      if (cut && item) point(Array.prototype.indexOf.call(chips.children, item));
    });
    chips.addEventListener("focus", function () {
      if (cut && current < 0) point(0);
    });
    chips.addEventListener("keydown", function (event) {
      if (!cut || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      var last = chips.children.length - 1;
      var target = { ArrowLeft: current - 1, ArrowUp: current - 1, ArrowRight: current + 1, ArrowDown: current + 1, Home: 0, End: last }[event.key];
      if (target === undefined) return;
      event.preventDefault();
      point(Math.max(0, Math.min(last, target)));
    });
  }

  document.querySelectorAll(".live").forEach(build);
})();
