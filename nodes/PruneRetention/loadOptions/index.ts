export { getFolders } from './getFolders';
