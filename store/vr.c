#include "store/vr.h"

enum vr_kind vr_kind(uint16_t vr)
{
    switch (vr) {
    case VR('S', 'Q'):
        return VR_SEQUENCE;
    case VR('A', 'T'):
    case VR('F', 'D'):
    case VR('F', 'L'):
    case VR('S', 'L'):
    case VR('S', 'S'):
    case VR('S', 'V'):
    case VR('U', 'L'):
    case VR('U', 'S'):
    case VR('U', 'V'):
        return VR_NUMBER;
    case VR('A', 'E'):
    case VR('A', 'S'):
    case VR('C', 'S'):
    case VR('D', 'A'):
    case VR('D', 'S'):
    case VR('D', 'T'):
    case VR('I', 'S'):
    case VR('L', 'O'):
    case VR('L', 'T'):
    case VR('P', 'N'):
    case VR('S', 'H'):
    case VR('S', 'T'):
    case VR('T', 'M'):
    case VR('U', 'C'):
    case VR('U', 'I'):
    case VR('U', 'R'):
    case VR('U', 'T'):
        return VR_TEXT;
    default:
        return VR_BULK;
    }
}

bool vr_short(uint16_t vr)
{
    switch (vr) {
    case VR('S', 'V'):
    case VR('U', 'V'):
    case VR('U', 'C'):
    case VR('U', 'R'):
    case VR('U', 'T'):
    case VR('S', 'Q'):
        return false;
    default:
        return vr_kind(vr) != VR_BULK;
    }
}
