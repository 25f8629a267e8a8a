// Search. The index is a script of its own, loaded when the box is first opened.
(function () {
  "use strict";

  var MOST = 20;
  var AROUND = 70;
  var dialog, input, list, status;

  function make(name, parent, className) {
    var made = document.createElement(name);
    if (className) made.className = className;
    parent.appendChild(made);
    return made;
  }

  function words(text) {
    return text.toLowerCase().split(/\s+/).filter(Boolean);
  }

  // A title counts for ten, each mention for one; every word must occur.
  function score(row, wanted) {
    var title = (row[1] + " " + row[2]).toLowerCase();
    var text = row[3].toLowerCase();
    var total = 0;
    for (var i = 0; i < wanted.length; i += 1) {
      var mentions = text.split(wanted[i]).length - 1;
      var named = title.indexOf(wanted[i]) >= 0;
      if (!mentions && !named) return 0;
      total += (named ? 10 : 0) + Math.min(mentions, 5);
    }
    return total;
  }

  function snippet(text, wanted, parent) {
    var lower = text.toLowerCase();
    var at = -1;
    var word = wanted.find(function (candidate) {
      at = lower.indexOf(candidate);
      return at >= 0;
    });
    if (at < 0) {
      parent.textContent = text.slice(0, 2 * AROUND) + (text.length > 2 * AROUND ? " …" : "");
      return;
    }
    var from = Math.max(0, at - AROUND);
    var to = at + word.length + AROUND;
    parent.appendChild(document.createTextNode((from ? "… " : "") + text.slice(from, at)));
    make("mark", parent).textContent = text.slice(at, at + word.length);
    parent.appendChild(document.createTextNode(text.slice(at + word.length, to) + (to < text.length ? " …" : "")));
  }

  function find() {
    var wanted = words(input.value);
    list.textContent = "";
    if (!window.layerbookIndex || !wanted.length) {
      status.textContent = "";
      return;
    }
    var hits = window.layerbookIndex
      .map(function (row, order) {
        return { row: row, order: order, score: score(row, wanted) };
      })
      .filter(function (hit) {
        return hit.score > 0;
      })
      .sort(function (a, b) {
        return b.score - a.score || a.order - b.order;
      });
    status.textContent = hits.length ? hits.length + (hits.length === 1 ? " section" : " sections") : "Nothing found.";
    hits.slice(0, MOST).forEach(function (hit) {
      var link = make("a", make("li", list));
      link.href = window.layerbook.withTheme(hit.row[0]);
      make("b", link).textContent = hit.row[1] + (hit.row[2] ? " · " + hit.row[2] : "");
      snippet(hit.row[3], wanted, make("small", link));
    });
  }

  function load() {
    if (window.layerbookIndex) return;
    var script = document.createElement("script");
    script.src = "assets/search-index.js";
    script.onload = find;
    script.onerror = function () {
      status.textContent = "The search index is missing.";
    };
    document.head.appendChild(script);
  }

  function build() {
    dialog = make("dialog", document.body, "search");
    dialog.setAttribute("aria-label", "Search the book");
    var form = make("form", dialog);
    input = make("input", form);
    input.type = "text"; // a search field would keep the first Escape to itself
    input.setAttribute("aria-label", "Search for");
    var close = make("button", form, "tool");
    close.type = "button";
    close.textContent = "Close";
    status = make("p", dialog, "search-status");
    status.setAttribute("role", "status");
    list = make("ol", dialog);
    input.addEventListener("input", find);
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      var first = list.querySelector("a");
      if (first) first.click();
    });
    close.addEventListener("click", function () {
      dialog.close();
    });
    list.addEventListener("click", function () {
      dialog.close();
    });
  }

  function open() {
    if (!dialog) build();
    load();
    dialog.showModal();
    input.select();
  }

  document.addEventListener("DOMContentLoaded", function () {
    var button = document.getElementById("open-search");
    if (!button || typeof HTMLDialogElement !== "function") return;
    button.hidden = false;
    button.addEventListener("click", open);
    document.addEventListener("keydown", function (event) {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        open();
      }
    });
  });
})();
