// An address that is no page.
import { lead, link } from "../parts.js";

export const title = "Not found";
export const render = async () => [lead("There is no such page. ", link("#/", "Back to the overview"))];
