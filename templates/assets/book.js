// All widgets of the book. The parts are ES modules; the build joins them into one classic script,
// because pages opened from disk may load no modules.

import "./scripts/stepper.js";
import "./scripts/tokens.js";
import "./scripts/preview.js";
import "./scripts/phrases.js";
import "./scripts/predict.js";
import "./scripts/code_cells.js";
import "./scripts/pictures.js";
import "./scripts/tabs.js";
import "./scripts/live.js";
import "./scripts/points.js";
import "./scripts/views.js";
import "./scripts/writing.js";
import "./scripts/own_text.js";
import "./scripts/waves.js";
import "./scripts/turns.js";
import "./scripts/contents.js";
import "./scripts/sections.js";
import "./scripts/scroll.js"; // after the widgets, which decide what scrolls
import "./scripts/keys.js";
import "./scripts/search.js";
