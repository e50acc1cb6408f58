export { importLxc } from "./translate.ts";
