// Fits a layer and judges it, beside the page, so that it never freezes.

import { fitLayer, judge } from "./fit.js";

onmessage = ({ data: { x, numbers, words, scenes } }) => {
  const told = (share) => postMessage({ share });
  postMessage({ layer: fitLayer(x, numbers, words), exams: judge(x, numbers, words, scenes, told) });
};
