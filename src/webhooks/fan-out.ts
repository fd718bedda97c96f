/** The consumer of the outbox topic `webhook`. */
import type { OutboxEvent, TopicHandler, WantedEvents } from '../outbox/index.js';
import { insertDeliveries } from './delivery-store.js';
import { EVENT_ACTIONS, EVENTS } from './schemas.js';

/**
 * Makes one delivery per subscription, in the transaction that marks the outbox row processed; sending is the business of
 * {@link sendDeliveries}. Subscriptions are those of that moment, a few milliseconds after the event.
 */
export const webhookHandler: TopicHandler = async (event) => {
  const name = EVENTS.find((each) => EVENT_ACTIONS[each] === event.action);
  const repoId = repositoryOf(event);
  if (name === undefined || repoId === undefined) return;
  return (tx) => insertDeliveries(tx, repoId, name, event.eventId);
};

/** Events of repositories that have a webhook. */
export const webhookEvents: WantedEvents = ({ sql }) => sql`EXISTS (
  SELECT 1 FROM webhooks w
  WHERE w.active AND w.repo_id = CASE a.resource_type WHEN 'repository' THEN a.resource_id ELSE a.data->>'repo_id' END)`;

function repositoryOf({ resourceType, resourceId, data }: OutboxEvent): string | undefined {
  if (resourceType === 'repository') return resourceId;
  return typeof data.repo_id === 'string' ? data.repo_id : undefined;
}
