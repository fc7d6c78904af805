export { getCollections } from './getCollections';
export { getCollectionsAndAliases } from './getCollectionsAndAliases';
