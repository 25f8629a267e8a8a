// What a token is, on hover, focus or tap. Without this script it is the chip's title.
(function () {
  "use strict";

  // Pressed as a whole, so that the keyboard does not stop at a chip in it.
  var NO_STOP = "a, button, summary, label";
  var STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

  var tip = document.createElement("div");
  tip.id = tip.className = "token-tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.appendChild(tip);

  var current = null;
  var dismissed = null;

  // Above the chip, or below where there is no room, and always within the window.
  function place() {
    if (!current) return;
    tip.style.left = tip.style.top = "0";
    var at = current.getBoundingClientRect();
    var room = document.documentElement.clientWidth - tip.offsetWidth - 4;
    tip.style.left = Math.max(4, Math.min(room, at.left + (at.width - tip.offsetWidth) / 2)) + "px";
    tip.style.top = (at.top < tip.offsetHeight + 4 ? at.bottom : at.top - tip.offsetHeight) + "px";
  }

  function hide() {
    if (current) current.removeAttribute("aria-describedby");
    current = null;
    tip.hidden = true;
  }

  function show(chip) {
    if (chip === current || chip === dismissed) return;
    hide();
    dismissed = null;
    // Without its title, which the browser would show as well.
    if (chip.title) chip.setAttribute("data-facts", chip.title);
    chip.removeAttribute("title");
    tip.textContent = chip.getAttribute("data-facts");
    if (!tip.textContent) return;
    current = chip;
    tip.hidden = false;
    chip.setAttribute("aria-describedby", tip.id);
    place();
  }

  // Back to the chip that has the keyboard, if one has.
  function settle() {
    var focused = document.activeElement;
    if (dismissed !== focused) dismissed = null;
    if (focused.matches(".tok:focus-visible")) show(focused);
    else hide();
  }

  function groupOf(chip) {
    return chip.closest(".chips") || chip.closest("table") || chip.closest("p, li, dd, h2, h3") || chip.parentNode;
  }

  function stops(group) {
    return Array.from(group.querySelectorAll(".tok[tabindex]")).filter(function (chip) {
      return groupOf(chip) === group;
    });
  }

  document.querySelectorAll(".tok[title]").forEach(function (chip) {
    if (!chip.closest(NO_STOP)) chip.tabIndex = stops(groupOf(chip)).length ? -1 : 0;
  });

  function on(name, act) {
    document.addEventListener(name, function (event) {
      act(event.target.closest ? event.target.closest(".tok") : null, event);
    }, true);
  }

  on("mouseover", function (chip, event) {
    if (chip) show(chip);
    else if (!tip.contains(event.target)) settle();
  });
  on("pointerup", function (chip, event) {
    if (chip && event.pointerType === "touch") show(chip);
  });
  on("mouseout", function (chip, event) {
    if (!event.relatedTarget) settle();
  });
  on("pointerdown", function (chip, event) {
    if (!chip && !tip.contains(event.target)) hide();
  });
  on("focusout", hide);
  on("focusin", function (chip, event) {
    dismissed = null;
    if (chip === event.target) show(chip);
    else hide();
  });
  on("scroll", place);
  window.addEventListener("resize", place);

  on("keydown", function (chip, event) {
    if (event.key === "Escape" && current) {
      dismissed = current;
      hide();
    }
    var step = STEPS[event.key];
    if (!step || chip !== event.target || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    var frames = chip.closest(".frames");
    if (frames) return frames.focus(); // its own keys show another frame, and this chip goes
    var all = stops(groupOf(chip));
    var next = all[Math.max(0, Math.min(all.length - 1, all.indexOf(chip) + step))];
    event.preventDefault();
    chip.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
})();
