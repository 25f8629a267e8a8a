// The page that runs the model on the reader's own text.

import "./own_text.js";
import { TryPage } from "./live/page.js";

const app = document.querySelector(".try-app");
if (app) window.layerbook.live = new TryPage(app, document.querySelector(".try-load"));
