// Runs the model on the reader's own texts, in boxes of chapters and for try.js. Loaded on demand.

import "./views.js"; // with the explorer of attention
import { OwnText } from "./live/own_text.js";

window.layerbook.openOwnText = (box) => new OwnText(box);
