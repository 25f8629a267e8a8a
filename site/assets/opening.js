// What opens behind a picture that stands alone: its button, the script with its data, and what such views share.
(function () {
  "use strict";

  function element(name, attributes, parent, text) {
    var made = document.createElement(name);
    Object.keys(attributes).forEach(function (key) {
      made.setAttribute(key, attributes[key]);
    });
    if (text !== undefined) made.textContent = text;
    if (parent) parent.appendChild(made);
    return made;
  }

  function on(target, events, act) {
    events.split(" ").forEach(function (event) {
      target.addEventListener(event, act);
    });
  }

  // Like the book's: never rounded to nothing or to all.
  function percent(share) {
    var text = share === 0 || share === 1 ? String(100 * share) : (100 * share).toFixed(2);
    if (text === "0.00") text = "<\u202f0.01";
    if (text === "100.00") text = ">\u202f99.99";
    return text + "\u202f%";
  }

  // Little-endian float32 in base64, on every machine.
  function numbers(text) {
    var bytes = atob(text);
    var view = new DataView(new ArrayBuffer(bytes.length));
    var found = new Float32Array(bytes.length / 4);
    for (var i = 0; i < bytes.length; i += 1) view.setUint8(i, bytes.charCodeAt(i));
    for (i = 0; i < found.length; i += 1) found[i] = view.getFloat32(4 * i, true);
    return found;
  }

  // A button above every figure that opens this kind of data; `make(figure, data)` is shown in the picture's place.
  function opening(kind, label, make) {
    document.querySelectorAll(".figure[data-opens='" + kind + "']").forEach(function (figure) {
      var href = figure.getAttribute("data-script");
      var still = figure.querySelector(".picture");
      var wrap = element("p", { class: "explorer-open" });
      var button = element("button", { type: "button", class: "tool" }, wrap);
      element("small", { class: "explorer-told" }, wrap, figure.getAttribute("data-told"));
      var box = null;
      var asked = false;

      function show(open) {
        figure.classList.toggle("exploring", open);
        button.setAttribute("aria-expanded", String(open));
        button.textContent = open ? "Back to the picture" : label;
      }

      function ready() {
        var data = window.layerbookData && window.layerbookData[href];
        if (!data) return missing();
        box = figure.insertBefore(make(figure, data), still);
        show(true);
      }

      function missing() {
        button.textContent = "Its data is missing: " + href;
      }

      on(button, "click", function () {
        if (box) return show(!figure.classList.contains("exploring"));
        if (asked) return;
        asked = true;
        var script = element("script", { src: href });
        script.onload = ready;
        script.onerror = missing;
        document.head.appendChild(script);
      });
      show(false);
      figure.insertBefore(wrap, still);
    });
  }

  Object.assign(window.layerbook, { element: element, on: on, percent: percent, numbers: numbers, opening: opening });
})();
