#include <c10/util/StringUtil.h>

#include "weights/pickle_globals.h"
#include "weights/unpickler.h"

// The instructions, in groups. Each function carries out `opcode` where it belongs to its group.

namespace cameo::weights {

namespace {

constexpr uint8_t kNewestProtocol = 5;

}  // namespace

bool Unpickler::number(uint8_t opcode) {
  switch (opcode) {
    case 'N':  // None
      pushPlain();
      return true;
    case 0x88:  // True
    case 0x89:  // False
      pushInt(opcode == 0x88 ? 1 : 0);
      return true;
    case 'K':
      pushInt(reader_.number<uint8_t>());
      return true;
    case 'M':
      pushInt(reader_.number<uint16_t>());
      return true;
    case 'J':
      pushInt(reader_.number<int32_t>());
      return true;
    case 0x8a:  // LONG1
      pushLong(reader_.number<uint8_t>());
      return true;
    case 0x8b:  // LONG4: a negative length reads as one beyond the end
      pushLong(reader_.number<uint32_t>());
      return true;
    case 'I':
    case 'L':
      pushDecimal(line());
      return true;
    case 'G':
      reader_.skip(8);
      pushPlain();
      return true;
    case 'F':
      line();
      pushPlain();
      return true;
    default:
      return false;
  }
}

bool Unpickler::text(uint8_t opcode) {
  switch (opcode) {
    case 0x8c:  // SHORT_BINUNICODE
    case 'U':   // SHORT_BINSTRING
      pushText(reader_.text(reader_.number<uint8_t>()));
      return true;
    case 'X':  // BINUNICODE
    case 'T':  // BINSTRING
      pushText(reader_.text(reader_.number<uint32_t>()));
      return true;
    case 0x8d:  // BINUNICODE8
      pushText(reader_.text(reader_.number<uint64_t>()));
      return true;
    case 'V':  // UNICODE
      pushText(line());
      return true;
    case 'S': {  // STRING, in quotes
      const std::string_view quoted = line();
      if (quoted.size() < 2) damaged("a string without quotes");
      pushText(quoted.substr(1, quoted.size() - 2));
      return true;
    }
    case 'C':  // SHORT_BINBYTES
      reader_.skip(reader_.number<uint8_t>());
      pushPlain();
      return true;
    case 'B':  // BINBYTES
      reader_.skip(reader_.number<uint32_t>());
      pushPlain();
      return true;
    case 0x8e:  // BINBYTES8
    case 0x96:  // BYTEARRAY8
      reader_.skip(reader_.number<uint64_t>());
      pushPlain();
      return true;
    default:
      return false;
  }
}

bool Unpickler::container(uint8_t opcode) {
  switch (opcode) {
    case ')':
      pushItems(Kind::Tuple, {});
      return true;
    case 0x85:  // TUPLE1
    case 0x86:
    case 0x87:
      pushItems(Kind::Tuple, popItems(opcode - 0x84));
      return true;
    case 't':
      pushItems(Kind::Tuple, popToMark());
      return true;
    case ']':
    case 0x8f:  // EMPTY_SET: only its being plain matters
      pushItems(Kind::List, {});
      return true;
    case 'l':
    case 0x91:  // FROZENSET
      pushItems(Kind::List, popToMark());
      return true;
    case '}':
      pushItems(Kind::Dict, {});
      return true;
    case 'd':
      pushItems(Kind::Dict, popToMark());
      return true;
    default:
      return false;
  }
}

bool Unpickler::update(uint8_t opcode) {
  std::vector<const PickleValue*> items;
  Kind kind = Kind::List;
  switch (opcode) {
    case 'a':  // APPEND
      items = popItems(1);
      break;
    case 'e':   // APPENDS
    case 0x90:  // ADDITEMS
      items = popToMark();
      break;
    case 's':  // SETITEM
      items = popItems(2);
      kind = Kind::Dict;
      break;
    case 'u':  // SETITEMS
      items = popToMark();
      kind = Kind::Dict;
      break;
    default:
      return false;
  }
  if (top().kind != kind) damaged("items for something that is no list or dictionary");
  append(top(), items);
  return true;
}

bool Unpickler::stack(uint8_t opcode) {
  switch (opcode) {
    case '(':
      charge(1);
      marks_.push_back(stack_.size());
      return true;
    case '0':  // POP takes a mark, too
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
      } else {
        pop();
      }
      return true;
    case '1':
      popToMark();
      return true;
    case '2':
      charge(1);
      stack_.push_back(&top());
      return true;
    case 0x80:  // PROTO
      if (reader_.number<uint8_t>() > kNewestProtocol) damaged("its protocol is unknown");
      return true;
    case 0x95:  // FRAME
      if (reader_.number<uint64_t>() > reader_.remaining()) damaged("it is cut short");
      return true;
    default:
      return false;
  }
}

bool Unpickler::memo(uint8_t opcode) {
  switch (opcode) {
    case 'p':
      remember(lineIndex());
      return true;
    case 'q':
      remember(reader_.number<uint8_t>());
      return true;
    case 'r':
      remember(reader_.number<uint32_t>());
      return true;
    case 0x94:  // MEMOIZE
      remember(memo_.size());
      return true;
    case 'g':
      recall(lineIndex());
      return true;
    case 'h':
      recall(reader_.number<uint8_t>());
      return true;
    case 'j':
      recall(reader_.number<uint32_t>());
      return true;
    default:
      return false;
  }
}

bool Unpickler::object(uint8_t opcode) {
  switch (opcode) {
    case 'c': {  // GLOBAL
      const std::string_view module = line();
      global(module, line());
      return true;
    }
    case 0x93: {  // STACK_GLOBAL
      const PickleValue& name = pop();
      const PickleValue& module = pop();
      if (name.kind != Kind::Text || module.kind != Kind::Text) damaged("a name that is no string");
      global(module.text, name.text);
      return true;
    }
    case 'R':
      reduce();
      return true;
    case 'b':
      build();
      return true;
    case 0x81:  // NEWOBJ
      newObject();
      return true;
    case 'Q':  // BINPERSID
      persistentId();
      return true;
    default:
      return false;
  }
}

// Instructions that make objects of classes. Their class was looked up before, so most are refused by its
// name.
bool Unpickler::refused(uint8_t opcode) {
  switch (opcode) {
    case 'i': {  // INST
      const std::string_view module = line();
      refusePickle(reader_.path(), "run " + quote(c10::str(module, ".", line())));
    }
    case 'o':   // OBJ
    case 0x92:  // NEWOBJ_EX
      refusePickle(reader_.path(), "make an object of a class");
    case 0x82:  // EXT1, EXT2, EXT4
    case 0x83:
    case 0x84:
      refusePickle(reader_.path(), "use an extension of Python's pickle registry");
    case 'P':   // PERSID
    case 0x97:  // NEXT_BUFFER
    case 0x98:  // READONLY_BUFFER
      damaged("it refers to data outside the file");
    default:
      return false;
  }
}

}  // namespace cameo::weights
