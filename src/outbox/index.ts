/** The outbox: work that follows from audit events, done behind the requests and never lost. */
export { Bell } from './bell.js';
export type { OutboxEvent, TopicHandler, TopicHandlers, WantedEvents } from './event.js';
export { measureOutbox, removeOldDeadLetters, removeProcessedEvents } from './housekeeping.js';
export {
  listOutbox,
  OUTBOX_STATUSES,
  type OutboxFilter,
  type OutboxRow,
  type OutboxStatus,
  retryDeadLetters,
} from './list.js';
export { listensToOutbox, type Outbox, type OutboxOptions, startOutbox } from './start.js';
export { countEvents, LOCK_SECS, MAX_ATTEMPTS, type OutboxCount, retryDeadLetter, retryPauseSecs } from './store.js';
