import analyse from './analyse';
import labels from './labels';
import live from './live';
import models from './models';
import people from './people';
import sessions from './sessions';
import settings from './settings';
import shell from './shell';

export default { analyse, labels, live, models, people, sessions, settings, shell };
