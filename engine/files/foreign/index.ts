/** Tars that other programs have made. */
export { listTar } from './listTar';
export type { ForeignTar } from './open';
export { testTar } from './testTar';
export { restoreTar, type RestoredTar, type RestoreTarOptions } from './restoreTar';
