export { apply } from "./apply";
export { citizen } from "./citizen";
export { common } from "./common";
export { staff } from "./staff";
