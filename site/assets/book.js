// Theme, contents, scroll boxes and page turning. A classic script: pages opened from disk may load no modules.
(function () {
  "use strict";

  var root = document.documentElement;
  var THEMES = ["auto", "light", "dark"];
  var KEY = "layerbook-theme";

  // Each page on disk may have a storage of its own, so the choice also travels in the links (?theme=dark).
  function remembered() {
    var asked = new URLSearchParams(location.search).get("theme");
    if (THEMES.indexOf(asked) >= 0) return asked;
    try {
      var stored = localStorage.getItem(KEY);
      return THEMES.indexOf(stored) >= 0 ? stored : null;
    } catch (error) {
      return null;
    }
  }

  var theme = remembered();

  function applyTheme() {
    if (theme === "light" || theme === "dark") root.setAttribute("data-theme", theme);
    else root.removeAttribute("data-theme");
  }

  // Before the body exists, so that no page flashes in the wrong colours.
  applyTheme();

  function withTheme(href) {
    if (location.protocol !== "file:" || theme === null || !/^[^:?#]*\.html(#|$)/.test(href)) return href;
    var parts = href.split("#");
    return parts[0] + "?theme=" + theme + (parts.length > 1 ? "#" + parts[1] : "");
  }

  window.layerbook = { withTheme: withTheme };

  function startTheme() {
    var button = document.getElementById("theme");
    function label() {
      button.lastElementChild.textContent = { auto: "Auto", light: "Light", dark: "Dark" }[theme || "auto"];
    }
    button.hidden = false;
    label();
    button.addEventListener("click", function () {
      theme = THEMES[(THEMES.indexOf(theme || "auto") + 1) % THEMES.length];
      try {
        localStorage.setItem(KEY, theme);
      } catch (error) {
        // The links carry it.
      }
      applyTheme();
      label();
    });
    document.addEventListener("click", function (event) {
      var link = event.target.closest ? event.target.closest("a[href]") : null;
      if (link) link.setAttribute("href", withTheme(link.getAttribute("href")));
    }, true);
  }

  function startContents() {
    var opener = document.getElementById("open-contents");
    var panel = document.getElementById("contents");
    var main = document.getElementById("main");
    function show(open) {
      root.classList.toggle("contents-open", open);
      opener.setAttribute("aria-expanded", String(open));
      main.inert = open;
      if (open) panel.querySelector(".chapters a").focus();
    }
    opener.setAttribute("role", "button");
    opener.setAttribute("aria-expanded", "false");
    opener.addEventListener("click", function (event) {
      event.preventDefault();
      show(!root.classList.contains("contents-open"));
    });
    opener.addEventListener("keydown", function (event) {
      if (event.key === " ") {
        event.preventDefault();
        opener.click();
      }
    });
    panel.addEventListener("click", function (event) {
      var link = event.target.closest("a");
      if (!link || !root.classList.contains("contents-open")) return;
      show(false);
      if (link.classList.contains("close-contents")) {
        event.preventDefault();
        opener.focus();
      }
    });
    document.addEventListener("keydown", function (event) {
      if (event.key !== "Escape" || !root.classList.contains("contents-open")) return;
      show(false);
      opener.focus();
    });
    window.matchMedia("(min-width: 72rem)").addEventListener("change", function () {
      show(false);
    });
  }

  // A box that has nothing to scroll is no stop for the keyboard and no landmark.
  function settleBoxes() {
    document.querySelectorAll(".scroll[aria-label], .scroll[data-label]").forEach(function (box) {
      var scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      var name = box.getAttribute("aria-label") || box.getAttribute("data-label");
      var role = box.getAttribute("role") || box.getAttribute("data-role");
      box.setAttribute("data-label", name);
      box.setAttribute("data-role", role);
      if (scrolls) {
        box.setAttribute("role", role);
        box.setAttribute("aria-label", name);
        box.tabIndex = 0;
      } else {
        ["role", "aria-label", "tabindex"].forEach(function (attribute) {
          box.removeAttribute(attribute);
        });
      }
    });
  }

  function startBoxes() {
    var waiting = 0;
    settleBoxes();
    window.addEventListener("resize", function () {
      clearTimeout(waiting);
      waiting = setTimeout(settleBoxes, 150);
    });
    document.addEventListener("toggle", settleBoxes, true);
  }

  function startTurning() {
    document.addEventListener("keydown", function (event) {
      if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      if (event.target.closest("input, textarea, select, [contenteditable], dialog, .frames, .scroll[tabindex]")) return;
      var which = { ArrowLeft: "a.previous", ArrowRight: "a.next" }[event.key];
      var link = which && document.querySelector(which);
      if (link) location.href = withTheme(link.getAttribute("href"));
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    startTheme();
    startContents();
    startBoxes();
    startTurning();
  });
})();
