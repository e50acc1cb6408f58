export { describeOp, type OpDescription } from "./describe.ts";
export { explainProgram, Listing, type ListingLine } from "./listing.ts";
