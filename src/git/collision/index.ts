export { CollisionDetector, isCollision } from './detector.js';
export { NO_MESSAGE, type SharedStarts } from './lane-queue.js';
export { LANE_HASHER_BYTES, LaneHasher, MAX_PADDING } from './lanes.js';
export { createMemory, type WasmMemory } from './wasm.js';
