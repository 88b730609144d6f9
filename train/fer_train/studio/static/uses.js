// What the deletion of pictures means for the training that runs and for the models.
import { api, fileOf } from "./api.js";
import { ask } from "./dom.js";
import { WORDS } from "./words.js";

// Ask before pictures are deleted that the training uses, which ends with them.
export async function mayDelete(of, pictures) {
  if (of.people) return true;
  const uses = await api.uses(of);
  const stops = pictures.map(fileOf).some((file) => uses[file] && uses[file].training);
  return !stops || ask(WORDS.usedBy({ training: true, runs: [] }), WORDS.delete);
}
