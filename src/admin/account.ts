/** The one operator account, which lives in the configuration. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Config } from '../config.js';
import { AppError } from '../errors.js';
import { verifyPassword } from './password.js';

export interface AdminAccount {
  username: string;
  passwordHash: string;
}

/** @throws AppError ADMIN_NOT_CONFIGURED unless both variables are set */
export function adminAccount({
  ADMIN_USERNAME,
  ADMIN_PASSWORD_HASH,
}: Pick<Config, 'ADMIN_USERNAME' | 'ADMIN_PASSWORD_HASH'>): AdminAccount {
  if (ADMIN_USERNAME === undefined || ADMIN_PASSWORD_HASH === undefined) throw new AppError('ADMIN_NOT_CONFIGURED');
  return { username: ADMIN_USERNAME, passwordHash: ADMIN_PASSWORD_HASH };
}

/** Whether name and password are right. A wrong name costs as much time as a wrong password. */
export async function isOperator(account: AdminAccount, username: string, password: string): Promise<boolean> {
  const rightName = timingSafeEqual(sha256(account.username), sha256(username));
  const rightPassword = await verifyPassword(account.passwordHash, password);
  return rightName && rightPassword;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
