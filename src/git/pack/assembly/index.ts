export * from './tree';
export * from './inflate';
