// Sequences: all frames are in the page; on screens this shows one at a time, with controls.
(function () {
  "use strict";

  var SECONDS_PER_FRAME = 1.1;

  function element(name, attributes, text) {
    var made = document.createElement(name);
    Object.keys(attributes).forEach(function (key) {
      made.setAttribute(key, attributes[key]);
    });
    if (text) made.textContent = text;
    return made;
  }

  function build(box) {
    var frames = Array.prototype.slice.call(box.querySelectorAll(".frame"));
    if (frames.length < 2) return;
    var name = box.getAttribute("data-name");
    var step = box.getAttribute("data-step");
    var still = window.matchMedia("(prefers-reduced-motion: reduce)");
    var current = 0;
    var timer = null;

    var bar = element("div", { class: "stepper" });
    var back = element("button", { type: "button", "aria-label": "Previous " + step }, "‹");
    var play = element("button", { type: "button", "aria-label": "Play" }, "▶");
    var on = element("button", { type: "button", "aria-label": "Next " + step }, "›");
    var slider = element("input", { type: "range", min: "1", max: String(frames.length), step: "1", "aria-label": name + ", " + step });
    var label = element("output", {});
    var spoken = element("p", { class: "visually-hidden", "aria-live": "polite" });
    // Words are picked from a list, not passed one after the other.
    var list = step === "word" ? element("select", { "aria-label": name + ", " + step }) : null;
    if (list) {
      frames.forEach(function (frame) {
        list.add(new Option(text(frame, ".frame-name")));
      });
      list.onchange = function () {
        go(list.selectedIndex);
      };
    }
    (list ? [back, list, on, label] : [back, play, on, slider, label]).forEach(function (part) {
      bar.appendChild(part);
    });

    function text(frame, selector) {
      var found = frame.querySelector(selector);
      return found ? found.textContent.replace(/\s+/g, " ").trim() : "";
    }

    function show(index, quietly) {
      current = Math.max(0, Math.min(frames.length - 1, index));
      frames.forEach(function (frame, i) {
        frame.classList.toggle("current", i === current);
      });
      var place = step + " " + (current + 1) + " of " + frames.length;
      slider.value = String(current + 1);
      slider.setAttribute("aria-valuetext", place);
      if (list) list.selectedIndex = current;
      label.textContent = place;
      back.disabled = current === 0;
      on.disabled = current === frames.length - 1;
      // While it plays, reading out every frame would only fall behind.
      if (quietly) return;
      var frame = frames[current];
      spoken.textContent = [place, text(frame, ".frame-name"), text(frame, ".badge.stop"), text(frame, ".frame-note")]
        .filter(Boolean)
        .join(". ");
    }

    function pause() {
      if (timer === null) return;
      clearInterval(timer);
      timer = null;
      play.textContent = "▶";
      play.setAttribute("aria-label", "Play");
      show(current);
    }

    function toggle() {
      if (timer !== null) return pause();
      if (still.matches) return;
      play.textContent = "❚❚";
      play.setAttribute("aria-label", "Pause");
      if (current === frames.length - 1) show(0, true);
      timer = setInterval(function () {
        show(current + 1, true);
        if (current === frames.length - 1) pause();
      }, SECONDS_PER_FRAME * 1000);
    }

    function go(index) {
      pause();
      show(index);
    }

    back.addEventListener("click", function () {
      go(current - 1);
    });
    on.addEventListener("click", function () {
      go(current + 1);
    });
    play.addEventListener("click", toggle);
    slider.addEventListener("input", function () {
      go(Number(slider.value) - 1);
    });
    box.addEventListener("keydown", function (event) {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      var button = event.target.closest("button");
      if (event.target.closest(".scroll[tabindex], a, summary, select")) return;
      var target = { ArrowLeft: current - 1, ArrowDown: current - 1, ArrowRight: current + 1, ArrowUp: current + 1, Home: 0, End: frames.length - 1 }[event.key];
      if (target !== undefined) go(target);
      else if (event.key === " " && !button) toggle();
      else return;
      event.preventDefault();
    });

    function motion() {
      play.hidden = still.matches;
      if (still.matches) pause();
    }
    still.addEventListener("change", motion);
    motion();

    box.classList.add("stepping");
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", name + ", step by step");
    box.tabIndex = 0;
    box.insertBefore(bar, box.firstChild);
    box.appendChild(spoken);
    show(0, true);
  }

  // Deferred, so the page is there, and book.js has yet to look at which boxes scroll.
  document.querySelectorAll(".frames").forEach(build);
})();
