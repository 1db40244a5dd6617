// Writes the link of a layer: JSON { kernel, bias, names, layers } comes in, the text goes out.
import { readFileSync } from "node:fs";

import { toLink } from "../../site/try/words_link.js";

const { layers, ...layer } = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(toLink(layer, layers));
