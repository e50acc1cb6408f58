export { importOpenvz, type OpenvzImported } from "./translate.ts";
