// Maps: point at a dot, tap it or step through them; a line below says what it is, and its partner lights up.
(function () {
  "use strict";

  var REACH = 24;
  var BAR =
    '<button type="button" aria-label="Previous point">‹</button>' +
    '<button type="button" aria-label="Next point">›</button><output></output>';

  // The words stand in the picture, for browsers to show; from here on the line below does.
  function dot(group) {
    var title = group.querySelector("title");
    var use = group.querySelector("use");
    title.remove();
    var place = use.getAttribute("x") + " " + use.getAttribute("y");
    return { group: group, number: group.dataset.point, use: use, place: place, words: title.textContent };
  }

  function build(svg) {
    var links = Array.from(svg.querySelectorAll(".fig-link"));
    var dots = Array.from(svg.querySelectorAll(".fig-point"), dot).sort(function (a, b) {
      return a.number - b.number;
    });
    if (!dots.length) return;
    var current = -1;
    var title = svg.querySelector("title");
    var bar = document.createElement("div");
    bar.className = "readout";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "The points" + (title ? ": " + title.textContent : ""));
    bar.innerHTML = BAR;
    var told = bar.lastChild;

    // What lies in the same place lights up as well, and what a line joins to the dot.
    function show(index) {
      current = index;
      var one = dots[index];
      var lit = one ? [one.number] : [];
      links.forEach(function (link) {
        var ends = link.dataset.link.split(" ");
        var touches = one && ends.indexOf(one.number) >= 0;
        link.classList.toggle("lit", !!touches);
        if (touches) lit = lit.concat(ends);
      });
      dots.forEach(function (other) {
        other.group.classList.toggle("lit", !!one && (lit.indexOf(other.number) >= 0 || other.place === one.place));
      });
      svg.classList.toggle("pointing", !!one);
      told.textContent = one ? one.words : "Point at one of the " + dots.length + " dots, or step through them.";
    }

    function step(by) {
      show(current < 0 && by < 0 ? dots.length - 1 : (current + by + dots.length) % dots.length);
    }

    // A finger does not hover: what it tapped stays.
    function point(event) {
      if (event.type !== "click" && event.pointerType === "touch") return;
      var best = -1;
      var reach = event.type === "pointerleave" ? 0 : REACH;
      dots.forEach(function (one, i) {
        var box = one.use.getBoundingClientRect();
        var far = Math.hypot((box.left + box.right) / 2 - event.clientX, (box.top + box.bottom) / 2 - event.clientY);
        if (far >= reach) return;
        reach = far;
        best = i;
      });
      if (best !== current) show(best);
    }

    ["pointermove", "pointerleave", "click"].forEach(function (name) {
      svg.addEventListener(name, point);
    });
    bar.firstChild.onclick = step.bind(null, -1);
    bar.children[1].onclick = step.bind(null, 1);
    bar.addEventListener("keydown", function (event) {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      var by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      var to = { Home: 0, End: dots.length - 1, Escape: -1 }[event.key];
      if (by) step(by);
      else if (to !== undefined) show(to);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    show(-1);
    svg.closest(".picture").after(bar);
  }

  document.querySelectorAll(".picture svg").forEach(build);
})();
