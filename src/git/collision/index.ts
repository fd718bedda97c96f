export { CollisionDetector, isCollision } from './detector.js';
