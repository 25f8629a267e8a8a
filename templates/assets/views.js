// The views that scripts/views.js opens, by the kind of their data. Loaded on demand.

import "./book.js";
import { exploreAttention } from "./scripts/attention.js";
import { openMap } from "./scripts/map.js";
import { openPlayground } from "./scripts/playground.js";

window.layerbook.views = { patterns: exploreAttention, scores: openPlayground, map: openMap };
