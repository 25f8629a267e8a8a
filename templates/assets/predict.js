// A choice to commit to before the answer opens, remembered where the browser allows it.
(function () {
  "use strict";

  function build(box) {
    var choices = Array.from(box.querySelectorAll("input"));
    var button = box.querySelector("button");
    var said = box.querySelector(".said");
    var right = box.getAttribute("data-right");
    // By the question's words: another question is another prediction.
    var key = "layerbook-said " + box.querySelector("legend").textContent;

    function words(choice) {
      return choice.parentNode.textContent.trim();
    }

    function tell(choice) {
      var came = Boolean(choice) && right.split(" ").includes(choice.value);
      var verdict = right && (came ? " On this model it came true." : " On this model it came out otherwise.");
      said.textContent = choice ? "You said: " + words(choice) + "." + verdict : "";
      said.classList.toggle("came-true", came);
      choices.forEach(function (one) {
        one.checked = one === choice;
        one.disabled = Boolean(choice);
      });
      button.textContent = choice ? "Ask me again" : "Commit";
      button.disabled = !choice;
    }

    function storage(act) {
      try {
        return act(localStorage);
      } catch (error) {
        return null; // then it holds for this visit
      }
    }

    button.addEventListener("click", function () {
      var asked = !choices[0].disabled;
      var choice = choices.find(function (one) {
        return asked && one.checked;
      });
      tell(choice);
      box.querySelector("details").open = asked;
      if (!asked) choices[0].focus();
      storage(function (store) {
        store.setItem(key, choice ? words(choice) : "");
      });
    });
    box.addEventListener("change", function () {
      button.disabled = false;
    });

    button.hidden = false;
    var before = storage(function (store) {
      return store.getItem(key);
    });
    tell(choices.find(function (one) {
      return words(one) === before;
    }));
  }

  document.querySelectorAll(".predict").forEach(build);
})();
