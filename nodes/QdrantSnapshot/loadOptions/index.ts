export { getCollections } from './getCollections';
