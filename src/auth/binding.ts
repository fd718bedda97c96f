/** The ids in a signed body must be the ids of the address it was sent to. */
import { AppError } from '../errors.js';
import type { JsonObject } from '../signing/index.js';
import { badField } from './presented.js';
import type { ActionRule } from './types.js';

/**
 * @param strict refuse bodies that do not name every id of the path
 * @throws AppError VALIDATION_ERROR with details `{field}`
 */
export function checkBinding(body: JsonObject, rule: Pick<ActionRule, 'ids' | 'aliases'>, strict: boolean): void {
  for (const [id, expected] of Object.entries(rule.ids)) {
    const name = [id, ...(rule.aliases?.[id] ?? [])].find((each) => Object.hasOwn(body, each));
    if (name === undefined) {
      if (strict) throw badField(id, 'is missing in the signed body');
    } else if (body[name] !== expected) throw badField(name, 'does not match the address');
  }
}

/** @throws AppError VALIDATION_ERROR when the action is named and is not one of the endpoint's */
export function allowedActions(action: string | undefined, rule: Pick<ActionRule, 'actions'>): readonly string[] {
  if (action === undefined) return rule.actions;
  if (rule.actions.includes(action)) return [action];
  throw new AppError('VALIDATION_ERROR', {
    message: 'The signed action does not fit this address.',
    details: { field: 'action', allowed: rule.actions },
  });
}
