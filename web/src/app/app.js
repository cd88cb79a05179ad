// What makes webmail quick. Everything here improves pages that work without it.
//
//   dom.js     finding things, words, markup from the server, sizes
//   swap.js    pages fetched and shown in place: links, history, panes
//   list.js    the list: as long as the folder, selected by keys and ranges
//   find.js    the rest of a search
//   act.js     what is done to messages: shown at once, told to the server, taken back
//   touch.js   dragging to folders, swiping, holding
//   frames.js  frames as tall as the messages in them
//   keys.js    the keyboard
//   live.js    what other programs do to the mail
//   compose.js writing: drafts, sending; attach.js files, recipients.js who gets it
import {$, root} from './dom.js';
import {begin} from './swap.js';
import {beginList} from './list.js';
import {beginFind} from './find.js';
import {beginActs, countDown} from './act.js';
import {beginTouch} from './touch.js';
import {beginFrames} from './frames.js';
import {beginKeys} from './keys.js';
import {beginLive} from './live.js';
import {beginWriting} from './compose.js';

if ($('meta[name=wm-token]')?.content && $('#words')) {
  beginFrames();
  if (begin()) {
    beginList();
    beginFind();
    beginTouch();
  }
  beginActs();
  beginKeys();
  beginLive();
  beginWriting();
  countDown();
  root.dataset.scripts = 'on';
}
