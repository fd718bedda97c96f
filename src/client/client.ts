/** A typed client that signs what it sends. */
import { WebhookCalls } from './webhooks.js';

/**
 * Every call of the API as a method of one object. The methods stand in one file per topic; each topic extends the one
 * before it, down to the caller that signs and sends.
 */
export class GitClawClient extends WebhookCalls {}
